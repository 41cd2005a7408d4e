"""What the network said of the windows that it read last.

Policies repeat each other (templates, sister sites) and themselves (versions, mirrors).
One window is one run of the network, so that the output for the same tokens is the same
numbers: it can be kept instead of computed again, and no score changes.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RecentOutputs:
    """Outputs by the token ids of their window, the least recently used dropped first."""

    def __init__(self, limit: int) -> None:
        """Keep at most `limit` bytes of outputs."""
        self._limit = limit
        self._size = 0
        self._outputs: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()
        self.tokens_asked = 0
        self.tokens_found = 0

    def get(self, ids: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """The output for these tokens, (n_tokens, n_outputs), or None where it is not kept."""
        key = ids.tobytes()
        with self._lock:
            self.tokens_asked += ids.size
            output = self._outputs.get(key)
            if output is not None:
                self._outputs.move_to_end(key)
                self.tokens_found += ids.size
        return output

    def put(self, ids: NDArray[np.int64], output: NDArray[np.float32]) -> None:
        """Keep `output`; nobody may change it afterwards."""
        key = ids.tobytes()
        with self._lock:
            if key not in self._outputs:
                self._outputs[key] = output
                self._size += output.nbytes
            while self._size > self._limit:
                self._size -= self._outputs.popitem(last=False)[1].nbytes
