"""An n-gram model as a beam search asks it: many prefixes and symbols at once.

K classes and one column more for the end of the line. A state stands for the history that counts: the longest end of a
prefix that some n-gram begins with.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from thulium.data.charset import Charset
from thulium.evaluation.frames import Floats, Ints, ranks
from thulium.evaluation.ngrams import BEGIN, END, UNKNOWN, NgramModel

MOST_BYTES = 2**27  # of rows that are kept; more than all states of most models
FEWEST_ROWS = 2**13  # what one step of an ordinary search needs at most, and some
LEAST = 1e-250  # a weight is not zero, so that a line whose every reading is unlikely still has one


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
        blank, self._columns = charset.blank_index, charset.num_classes + 1
        columns = {symbol: place + (place >= blank) for place, symbol in enumerate(charset.symbols)}
        columns[END] = charset.num_classes
        histories = {"", *model.backoffs, *(gram[:-1] for gram in model.log_probs)}
        states = {history: i for i, history in enumerate(sorted(histories, key=lambda h: (len(h), h)))}
        self.start = states.get(BEGIN, 0)
        self._suffix: Ints = np.array([_suffix(history, states) for history in states], np.int32)
        self._backoff = _weights([model.backoffs.get(history, 0.0) for history in states], alpha, 0.0)

        known = sorted((states[gram[:-1]], columns[gram[-1]], gram) for gram in model.log_probs if gram[-1] in columns)
        self._first = np.searchsorted([state for state, _, _ in known], np.arange(len(states) + 1))
        self._column: Ints = np.array([column for _, column, _ in known], np.int32)
        self._then: Ints = np.array([states.get(gram, -1) for _, _, gram in known], np.int32)
        self._weight = _weights([model.log_probs[gram] for _, _, gram in known], alpha, beta)
        is_end = self._column == columns[END]
        self._weight[is_end] = np.maximum(self._weight[is_end] / np.exp(beta), LEAST)
        self._unknown = float(_weights([model.log_probs[UNKNOWN]], alpha, beta)[0])

        rows = min(len(states), max(FEWEST_ROWS, MOST_BYTES // (12 * self._columns)))
        self._slot: Ints = np.full(len(states), -1, np.int32)
        self._rows: Floats = np.empty((rows, self._columns))
        self._next: Ints = np.empty((rows, self._columns), np.int32)
        self._forget()

    def weights(self, states: Ints, symbols: Ints) -> Floats:
        """(N, S, W) what each of the symbols (N, S) multiplies the mass of a prefix with, from states (N, W)."""
        starts = self._slots(states) * np.int64(self._columns)
        return self._rows.ravel().take(starts[:, None, :] + symbols[:, :, None], mode="wrap")  # wrap: -1 is padding

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
            self._rows = np.empty((fewest, self._columns))
            self._next = np.empty((fewest, self._columns), np.int32)
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
        self._rows[slots] = np.maximum(self._rows[above] * self._backoff[wanted, None], LEAST)
        self._next[slots] = self._next[above]
        self._write_own(wanted, slots)
        self._slot[wanted] = slots
        self._used += len(wanted)

    def _write_own(self, states: npt.NDArray[np.integer], slots: npt.NDArray[np.integer]) -> None:
        counts = self._first[states + 1] - self._first[states]
        places = np.repeat(self._first[states], counts) + ranks(counts)
        rows, columns, then = np.repeat(slots, counts), self._column[places], self._then[places]
        self._rows[rows, columns] = self._weight[places]
        self._next[rows[then >= 0], columns[then >= 0]] = then[then >= 0]


def _weights(log_probs: list[float], alpha: float, beta: float) -> Floats:
    return np.maximum(np.exp(alpha * np.array(log_probs, np.float64) + beta), LEAST)


def _suffix(history: str, states: dict[str, int]) -> int:
    """The longest end of a history, short of itself, that is a state."""
    return next((states[history[start:]] for start in range(1, len(history)) if history[start:] in states), 0)
