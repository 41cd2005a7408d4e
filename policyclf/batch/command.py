"""The `policyclf batch` command."""

from __future__ import annotations

import argparse
import functools
import logging
import sys
from pathlib import Path
from typing import Any

from policyclf.batch.collection import Collection
from policyclf.batch.documents import UsageError
from policyclf.batch.job import Engine, Job, Summary, run
from policyclf.batch.labelling import Labelling
from policyclf.batch.progress import progress
from policyclf.batch.tables import Column

__all__ = ["add_command"]

EXAMPLES = """\
examples:
  policyclf batch policies/ -o clauses.jsonl
  policyclf batch policies.csv --column body --id-column company -o clauses.csv
  policyclf batch "crawl/*.parquet" -o documents.parquet --rows documents

Stopped or killed, the same command goes on where it was. Exit status: 0 done; 1 done, but
documents failed (their rows say why), or the model or the disk did; 2 wrong arguments, or
an output that another job has begun; 130 stopped by Ctrl-C.
"""


def add_command(commands: Any) -> None:
    """Add `batch` to the commands of `policyclf`."""
    parser = commands.add_parser(
        "batch",
        help="label a collection, into one file",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="folders, globs, document files; JSON Lines, CSV, Parquet; saved Hugging Face datasets",
    )
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="OUT", help=".jsonl, .csv or .parquet"
    )
    parser.add_argument("--format", choices=["jsonl", "csv", "parquet"], help="default: by the name of OUT")
    parser.add_argument(
        "--rows",
        choices=["clauses", "documents"],
        default="clauses",
        help="a row a clause, or a row a document with practices and counts (default: clauses)",
    )
    tables = parser.add_argument_group("tables")
    tables.add_argument("--column", default="text", metavar="NAME", help="of the texts (default: text)")
    tables.add_argument("--id-column", metavar="NAME", help="of the ids (default: FILE:ROW)")
    tables.add_argument(
        "--unit",
        choices=["document", "sentence"],
        default="document",
        help="what a cell holds (default: document)",
    )
    tables.add_argument("--encoding", metavar="NAME", help="of JSON Lines and CSV (default: UTF-8)")
    again = parser.add_argument_group("going on")
    again.add_argument("--retry-errors", action="store_true", help="try the documents that failed again")
    again.add_argument("--restart", action="store_true", help="throw away what is there, begin anew")
    again.add_argument("--force", action="store_true", help="go on though model, options or sources changed")
    work = parser.add_argument_group("work")
    work.add_argument(
        "--workers",
        type=_number,
        metavar="N",
        help="processes (default: one for each processor; 0: only this one)",
    )
    work.add_argument(
        "--batch-size", type=_size, default=256, metavar="N", help="most documents handed out at once"
    )
    work.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="processes of this machine, or the processors of a Ray cluster (extra: ray)",
    )
    work.add_argument(
        "--address", metavar="ADDRESS", help="of the Ray cluster, as in auto (default: one on this machine)"
    )
    work.add_argument("--model", metavar="FOLDER", help="a model folder (default: the one shipped)")
    work.add_argument(
        "--thresholds", choices=["balanced", "precision", "recall"], default="balanced", help="see classify"
    )
    parser.set_defaults(run=_batch)


def _number(value: str) -> int:
    if not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{value!r} is no number")
    return int(value)


def _size(value: str) -> int:
    if _number(value) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return int(value)


def _batch(options: argparse.Namespace) -> int:
    if options.address and options.engine != "ray":
        print("policyclf: --address is for --engine ray", file=sys.stderr)
        return 2
    sentences = options.unit == "sentence"
    job = Job(
        collection=Collection(
            tuple(options.sources), Column(options.column, options.id_column, options.encoding), sentences
        ),
        out=options.out,
        labelling=Labelling(options.model, options.thresholds, options.rows, sentences),
        form=options.format,
        workers=options.workers,
        batch=options.batch_size,
        engine=_on_ray(options) if options.engine == "ray" else None,
        restart=options.restart,
        force=options.force,
        retry_errors=options.retry_errors,
    )
    try:
        summary = run(job, progress())
    except UsageError as error:
        print(f"policyclf: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"policyclf: {error}; what is done is kept: the same command goes on", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\npolicyclf: stopped; what is done is kept: the same command goes on", file=sys.stderr)
        return 130
    print(_told(summary, options.out), file=sys.stderr)
    return 1 if summary.errors else 0


def _on_ray(options: argparse.Namespace) -> Engine:
    from policyclf.batch.on_ray import import_ray, label_on_ray

    import_ray()  # which sets its own logging up
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # this command says how far it is
    return functools.partial(label_on_ray, address=options.address, workers=options.workers or None)


def _told(summary: Summary, out: Path) -> str:
    text = f"{out}: {summary.documents:,} documents, {summary.clauses:,} clauses, {summary.rows:,} rows"
    if summary.errors:
        text += f", {summary.errors:,} documents failed (--retry-errors tries them again)"
    return f"{text}; {summary.seconds:.1f} s"
