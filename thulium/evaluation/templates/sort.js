"use strict";
// Sorts the tables of a page by a click on a column's head, or by Enter or the space bar on it. Without this the page
// shows the same rows.
const words = new Intl.Collator(undefined, {numeric: true});
const text = (row, column) => row.cells[column].textContent.trim();
const number = (row, column) => parseFloat(text(row, column).replace(/,/g, ""));

function sort(table, head, column) {
  const isNumber = head.classList.contains("number");
  const was = head.getAttribute("aria-sort");
  const down = was ? was === "ascending" : isNumber;
  const sign = down ? -1 : 1;
  const byNumber = (a, b) => {
    const [x, y] = [number(a, column), number(b, column)];
    return Number.isNaN(x) || Number.isNaN(y) ? Number.isNaN(x) - Number.isNaN(y) : sign * (x - y);
  };
  const byWord = (a, b) => sign * words.compare(text(a, column), text(b, column));
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(isNumber ? byNumber : byWord));
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const head of table.tHead.querySelectorAll("th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, head, head.cellIndex));
  }
}
