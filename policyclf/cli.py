"""The `policyclf` command.

    policyclf classify FILE... | -    label policies: a table on a terminal, JSON Lines in a pipe
    policyclf batch SOURCE... -o OUT  label a collection, into one file
    policyclf practices               the labels and what they mean
    policyclf info                    the model: name, figures, thresholds

Exit status: 0 done; 1 a file or the model could not be read (the others were done); 2
wrong arguments.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

import policyclf
from policyclf.batch.command import add_command as add_batch
from policyclf.reading import decode_text, read_text
from policyclf.script import Language

TEXT_MINIMUM = 40  # columns that the text keeps on a narrow terminal
NO_LINE_START = "、。，．・：；！？）」』】〉》］ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ)]},.!?:;"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    # Whatever the locale: rows are UTF-8, and a character that no encoding has is escaped,
    # which in a JSON string is its JSON escape.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except policyclf.PolicyclfError as error:
        print(f"policyclf: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader (head, less) has seen enough; what is left to flush has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="policyclf", description="Label every sentence of a privacy policy by data practice."
    )
    parser.add_argument("--version", action="version", version=policyclf.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    classify = commands.add_parser("classify", help="label policies")
    classify.add_argument("files", nargs="+", metavar="FILE", help=".txt or .md; - reads standard input")
    classify.add_argument(
        "--format", choices=["table", "jsonl"], help="default: table on a terminal, jsonl in a pipe"
    )
    _model_options(classify)
    classify.set_defaults(run=_classify)

    add_batch(commands)

    practices = commands.add_parser("practices", help="list the labels and what they mean")
    practices.add_argument("--language", choices=["en", "ja"], default="en", help="of the definitions")
    practices.set_defaults(run=_practices)

    info = commands.add_parser("info", help="describe the model")
    _model_options(info)
    info.set_defaults(run=_info)
    return parser


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="FOLDER", help="a model folder (default: the one shipped)")
    parser.add_argument(
        "--thresholds",
        choices=["balanced", "precision", "recall"],
        default="balanced",
        help="which labels to give: fewer and surer (precision), or more, missing fewer (recall)",
    )
    parser.add_argument("--threads", type=_positive, metavar="N", help="processor threads to use")


def _classifier(options: argparse.Namespace) -> policyclf.Classifier:
    return policyclf.load(options.model, thresholds=options.thresholds, threads=options.threads)


def _positive(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is no number of threads")
    return int(value)


def _classify(options: argparse.Namespace) -> int:
    classifier = _classifier(options)
    as_table = options.format == "table" or (options.format is None and sys.stdout.isatty())
    failed = False
    for number, name in enumerate(options.files):
        try:
            text = decode_text(sys.stdin.buffer.read(), "-") if name == "-" else read_text(name)
        except policyclf.FileError as error:
            failed = True
            print(f"policyclf: {error}", file=sys.stderr)
            continue
        clauses = classifier.classify(text)
        if as_table:
            if len(options.files) > 1:
                print(f"{chr(10) if number else ''}== {name}")
            for line in _table(clauses):
                print(line)
        else:
            for clause in clauses:
                print(json.dumps({"file": name, **clause.to_dict()}, ensure_ascii=False))
    return 1 if failed else 0


def _table(clauses: Sequence[policyclf.Clause]) -> Iterator[str]:
    """Two columns: practices, and the clause wrapped beside them. Headings stand flush left."""
    left = max((len(_label(c, p)) for c in clauses for p in c.labels), default=0)
    width = max(TEXT_MINIMUM, shutil.get_terminal_size().columns - left - 2)
    for clause in clauses:
        lines = list(_wrapped(" ".join(clause.text.split()), width))
        if clause.kind == "heading":
            yield ""
            yield from lines
            continue
        marks = [_label(clause, practice) for practice in clause.labels] or ["-"]
        for i in range(max(len(lines), len(marks))):
            mark = marks[i] if i < len(marks) else ""
            yield f"{mark:<{left}}  {lines[i] if i < len(lines) else ''}".rstrip()


def _label(clause: policyclf.Clause, practice: policyclf.Practice) -> str:
    return f"not {practice.value}" if practice in clause.denied else practice.value


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of about `width` columns, cut at spaces or, in Japanese, between characters.

    A line does not begin with 、 or 。 and the like (JIS X 4051): it hangs over instead.
    """
    line, columns, space = "", 0, -1
    for character in text:
        wide = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if columns + wide > width and line and character not in NO_LINE_START:
            cut = space if space > 0 and wide == 1 else len(line)
            yield line[:cut].rstrip()
            line = line[cut:].lstrip()
            columns = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
            space = line.rfind(" ")
        if character == " ":
            space = len(line)
        line += character
        columns += wide
    if line:
        yield line


def _practices(options: argparse.Namespace) -> int:
    language: Language = options.language
    for practice in policyclf.Practice:
        print(f"{practice.value}\n    {practice.name_in('en')} / {practice.name_in('ja')}")
        definition = practice.definition_in(language)
        lines = textwrap.wrap(definition, 92) if language == "en" else _wrapped(definition, 92)
        for line in lines:
            print(f"    {line}")
    return 0


def _info(options: argparse.Namespace) -> int:
    classifier = _classifier(options)
    config = classifier.config
    print(f"policyclf {policyclf.__version__}")
    print(f"model     {config.name} (format {config.raw['policyclf_format']}) in {classifier.folder}")
    print(f"corpus    {config.raw.get('corpus_sha256', 'unknown')[:16]}")
    print(f"window    {config.max_tokens} tokens")
    for name, value in config.raw.get("metrics", {}).items():
        print(f"{name:<34} {value}")
    print(f"\nthresholds {options.thresholds}\n{'practice':<34} {'threshold':>9} {'denied':>7}")
    chosen = config.thresholds[options.thresholds]
    for practice, threshold, denied in zip(config.labels, chosen.labels, chosen.denied, strict=True):
        print(f"{practice.value:<34} {threshold:>9.2f} {denied:>7.2f}")
    print(f"{'floor':<34} {chosen.floor:>9.2f}")
    return 0
