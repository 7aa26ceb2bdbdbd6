"""An n-gram model as a beam search asks it: many prefixes and symbols at once.

K classes and one column more for the end of the line. A state stands for the history that counts: the longest end of a
prefix that some n-gram begins with. Classes that the model does not know are to it as UNKNOWN, in histories too.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from thulium.data.charset import Charset
from thulium.decoding.ctc.candidates import Floats, Ints, ranks
from thulium.decoding.lm.ngrams import BEGIN, END, UNKNOWN, NgramModel

MOST_BYTES = 2**27  # of rows that are kept; more than all states of most models
FEWEST_ROWS = 2**13  # what one step of an ordinary search needs at most, and some
LEAST, MOST = 1e-250, 1e250  # weights are not zero, so that a line whose every reading is unlikely still has one


class NgramScorer:
    """An n-gram model over the classes of a charset; see ``beam.LanguageModel``.

    A symbol multiplies the mass of a prefix with ``p ** alpha * exp(beta)``, the end of the line with ``p ** alpha``.
    The rows of all classes after a state are made when the state is first met: most never are.
    """

    def __init__(self, model: NgramModel, charset: Charset, alpha: float, beta: float) -> None:
        """Args:
        alpha: how much the model counts.
        beta: what a symbol more adds, in nats: models of language make long lines unlikely.
        """
        self._depth = model.order
        self._columns = charset.num_classes + 1
        columns = _columns_of(model, charset)
        states = _states_of(model)
        self.start = states.get(BEGIN, 0)
        self._suffix: Ints = np.array([_suffix(history, states) for history in states], np.int32)
        self._backoff_logs: Floats = np.array([model.backoffs.get(history, 0.0) for history in states])
        weights = ((states[gram[:-1]], columns.get(gram[-1], ()), value) for gram, value in model.log_probs.items())
        steps = ((states[state[:-1]], columns.get(state[-1], ()), number) for state, number in states.items() if state)
        self._own, self._then = _Cells(weights, len(states)), _Cells(steps, len(states))
        self._own_logs, self._unknown_log = self._own.values, model.log_probs[UNKNOWN]
        self._count(alpha, beta)

    def counting(self, alpha: float, beta: float) -> NgramScorer:
        """The same model with other weights; much is shared, so it is there at once."""
        other = copy.copy(self)
        other._own = copy.copy(self._own)
        other._count(alpha, beta)
        return other

    def _count(self, alpha: float, beta: float) -> None:
        is_end = self._own.columns == self._columns - 1
        self._backoff = _weights(self._backoff_logs, alpha, 0.0)
        self._own.values = _weights(self._own_logs, alpha, np.where(is_end, 0.0, beta))
        self._unknown = float(_weights([self._unknown_log], alpha, beta)[0])
        num_states = len(self._suffix)
        rows = min(num_states, max(FEWEST_ROWS, MOST_BYTES // (12 * self._columns)))
        self._slot: Ints = np.full(num_states, -1, np.int32)
        # Zeros, since the padding of symbols reads beside the rows that are made: what a memory happens to hold may be
        # no number, and 0 times that is none either.
        self._rows: Floats = np.zeros((rows, self._columns))
        self._next: Ints = np.zeros((rows, self._columns), np.int32)
        self._forget()

    def weights(self, states: Ints, symbols: Ints) -> Floats:
        """(N, S, W) what each of the symbols (N, S) multiplies the mass of a prefix with, from states (N, W)."""
        starts = self._slots(states) * np.int64(self._columns)
        places = starts[:, None, :] + symbols[:, :, None]
        found: Floats = self._rows.ravel().take(places, mode="wrap")  # wrap: -1 is padding
        return found

    def next(self, states: Ints, symbols: Ints) -> Ints:
        """The states after a symbol each; all arrays of one shape."""
        found: Ints = self._next[self._slots(states), symbols]
        return found

    def end(self, states: Ints) -> Floats:
        """What the end of the line multiplies the mass with, in the shape of the states."""
        found: Floats = self._rows[self._slots(states), self._columns - 1]
        return found

    def _slots(self, states: Ints) -> Ints:
        """Where the rows of some states are kept."""
        slots = self._slot[states]
        if slots.min() < 0:
            wanted = np.unique(states)
            if self._used + self._depth * len(wanted) > len(self._rows) < len(self._slot):
                self._forget(1 + self._depth * len(wanted))
            self._fill(wanted)
            slots = self._slot[states]
        return slots

    def _forget(self, fewest: int = 1) -> None:
        """Begin anew with the row of the empty history, and with room for so many rows."""
        if fewest > len(self._rows):
            self._rows = np.zeros((fewest, self._columns))
            self._next = np.zeros((fewest, self._columns), np.int32)
        self._slot[:] = -1
        self._slot[0], self._used = 0, 1
        self._rows[0], self._next[0] = self._unknown, 0
        self._write_own(np.zeros(1, np.int64), np.zeros(1, np.int64))

    def _fill(self, wanted: npt.NDArray[np.integer]) -> None:
        """Make the rows of states that have none: of their suffixes, times the back-off, and what is their own."""
        wanted = wanted[self._slot[wanted] < 0]
        if not len(wanted):
            return
        self._fill(np.unique(self._suffix[wanted]))
        wanted = wanted[self._slot[wanted] < 0]  # one may be the suffix of another
        slots = np.arange(self._used, self._used + len(wanted))
        above = self._slot[self._suffix[wanted]]
        self._rows[slots] = (self._rows[above] * self._backoff[wanted, None]).clip(LEAST, MOST)
        self._next[slots] = self._next[above]
        self._write_own(wanted, slots)
        self._slot[wanted] = slots
        self._used += len(wanted)

    def _write_own(self, states: npt.NDArray[np.integer], slots: npt.NDArray[np.integer]) -> None:
        for cells, target in ((self._own, self._rows), (self._then, self._next)):
            counts = cells.first[states + 1] - cells.first[states]
            places = np.repeat(cells.first[states], counts) + ranks(counts)
            target[np.repeat(slots, counts), cells.columns[places]] = cells.values[places]


class _Cells:
    """What some cells of a table hold, row by row.

    Attributes:
        first: (rows + 1,) where the cells of each row begin.
        columns, values: of each cell.
    """

    def __init__(self, cells: Iterable[tuple[int, Sequence[int], float]], num_rows: int) -> None:
        """Args:
        cells: a row, columns of it, and what they hold.
        """
        every = [(row, column, value) for row, columns, value in cells for column in columns]
        rows, columns, values = map(np.array, zip(*every, strict=True)) if every else (np.zeros(0),) * 3
        order = np.lexsort((columns, rows))
        self.first = np.searchsorted(rows[order], np.arange(num_rows + 1))
        self.columns: Ints = columns[order].astype(np.int32)
        self.values: Floats = values[order].astype(np.float64)


def _columns_of(model: NgramModel, charset: Charset) -> dict[str, list[int]]:
    """The columns of each symbol of the model; of UNKNOWN those of all classes that it does not know."""
    columns: dict[str, list[int]] = {UNKNOWN: [], END: [charset.num_classes]}
    for symbol, column in charset.classes.items():
        columns.setdefault(symbol if symbol in model.log_probs else UNKNOWN, []).append(column)
    return columns


def _states_of(model: NgramModel) -> dict[str, int]:
    """The number of each history that counts, the empty one first; with a history, all that it begins with."""
    histories = {*model.backoffs, *(gram[:-1] for gram in model.log_probs)}
    counting = (history for history in histories if len(history) < model.order)
    begun = {history[:length] for history in counting for length in range(len(history) + 1)} | {""}
    return {history: number for number, history in enumerate(sorted(begun, key=lambda h: (len(h), h)))}


def _weights(log_probs: Sequence[float] | Floats, alpha: float, beta: float | Floats) -> Floats:
    exponents = alpha * np.asarray(log_probs, np.float64) + beta
    weights: Floats = np.exp(exponents.clip(math.log(LEAST), math.log(MOST)))
    return weights


def _suffix(history: str, states: dict[str, int]) -> int:
    """The longest end of a history, short of itself, that is a state."""
    return next((states[history[start:]] for start in range(1, len(history)) if history[start:] in states), 0)
