"""The same job on a Ray cluster, with Ray Data.

The machine where the command runs, which must be a node of the cluster, reads the
sources and writes the rows; between them, chunks flow through a Ray Data pipeline whose
tasks run wherever there are processors. Results come back in order, so that the output,
its journal and how it resumes are those of one machine. What a worker or a node that
died was at, Ray does again.

Rows of tables are sent to the workers. Document files are read by the workers, under the
path that they have in the collection: they must lie on storage that all nodes see.
"""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from policyclf.batch.chunks import Chunks
from policyclf.batch.documents import Document, UsageError
from policyclf.batch.labelling import Labeller, Labelling, Result
from policyclf.errors import MissingExtraError, PolicyclfError

__all__ = ["import_ray", "label_on_ray"]

# Bytes after which Ray Data closes a block. A block is what one task is given: one chunk.
BLOCK = 1


def label_on_ray(
    chunks: Chunks,
    labelling: Labelling,
    *,
    address: str | None = None,
    workers: int | None = None,
) -> Generator[Result]:
    """The result of each chunk in turn, from the cluster at `address`.

    `address` is as `ray.init` takes it ("auto", "host:6379"); None takes the cluster that
    this process is connected to, or a new one on this machine. `workers` bounds the tasks
    that run at once; None leaves it to the cluster's processors.
    """
    ray = import_ray()
    from ray.data import DataContext

    connected = ray.is_initialized()
    if not connected:
        ray.init(address=address, log_to_driver=False, logging_level="warning")
    try:
        context = DataContext.get_current().copy()
        context.target_max_block_size = BLOCK
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        with DataContext.current(context):
            for row in _pipeline(chunks, labelling, workers).iter_rows():
                result = pickle.loads(row["result"])
                if isinstance(result, Exception):
                    raise result
                yield result
    except ray.exceptions.RayError as error:
        raise ChildProcessError(f"the Ray cluster failed: {error}") from error
    finally:
        if not connected:
            ray.shutdown()


def _pipeline(chunks: Chunks, labelling: Labelling, workers: int | None) -> Any:
    """The Ray Data set of results: read here, labelled anywhere."""
    import ray
    from ray.data.block import BlockMetadata
    from ray.data.datasource import Datasource, ReadTask

    class Source(Datasource):
        """One task that yields the chunks for as long as somebody takes them."""

        def estimate_inmemory_data_size(self) -> None:
            return None

        def get_read_tasks(self, parallelism: int, *others: Any, **named: Any) -> list[ReadTask]:
            unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(functools.partial(_blocks, chunks), unknown)]

    here = ray.get_runtime_context().get_node_id()
    source = ray.data.read_datasource(
        Source(),  # type: ignore[no-untyped-call]
        override_num_blocks=1,
        num_cpus=0,
        label_selector={"ray.io/node-id": here},
    )
    return source.map_batches(
        _Label(labelling), batch_size=None, batch_format="pyarrow", num_cpus=1, concurrency=workers
    )


# Errors that are meant for the user travel as what they are: of one that is raised in a
# task, only its text comes back.


def _blocks(chunks: Chunks) -> Iterator[Any]:
    """Each chunk as a table of one row; at the end perhaps an error."""
    try:
        for chunk in chunks:
            yield _table("chunk", [chunk])
    except (PolicyclfError, UsageError) as error:
        yield _table("chunk", [error])


def _table(column: str, values: Sequence[object]) -> Any:
    import pyarrow

    return pyarrow.table({column: pyarrow.array(map(pickle.dumps, values), pyarrow.large_binary())})


@dataclass(frozen=True)
class _Label:
    """From a table of chunks to a table of results; the model is loaded once a process."""

    labelling: Labelling

    def __call__(self, table: Any) -> Any:
        # A Ray worker has one processor's share, and nobody else's code runs in it meanwhile.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        return _table("result", [self._result(pickle.loads(c)) for c in table["chunk"].to_pylist()])

    def _result(self, chunk: list[Document] | Exception) -> Result | Exception:
        if isinstance(chunk, Exception):
            return chunk
        try:
            return Labeller(self.labelling)(chunk)
        except PolicyclfError as error:  # the model's: a document's is a row
            return error


def import_ray() -> Any:
    """The ray package; MissingExtraError where it is not installed."""
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise MissingExtraError("--engine ray", "ray") from error
    return ray
