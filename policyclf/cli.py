"""The `policyclf` command.

    policyclf classify FILE... | -    label policies: a table on a terminal, JSON Lines in a pipe
    policyclf report FILE... -o page.html   a page to read: one policy, or two side by side
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
from pathlib import Path

import policyclf
from policyclf.reading import document_of
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
    classify.add_argument(
        "files", nargs="+", metavar="FILE", help=".txt, .md, .html or .pdf; - reads standard input"
    )
    classify.add_argument(
        "--format", choices=["table", "jsonl"], help="default: table on a terminal, jsonl in a pipe"
    )
    classify.add_argument(
        "--no-furniture", action="store_true", help="leave out menus, footers, cookie banners, page numbers"
    )
    _model_options(classify)
    classify.set_defaults(run=_classify)

    report = commands.add_parser(
        "report",
        help="make a page to read a policy on, coloured by practice",
        description="One file: the policy, its clauses coloured by practice. Two: side by side, with what "
        "one states and the other does not. More: in turn. The page is one HTML file; it needs no network.",
    )
    report.add_argument("files", nargs="+", metavar="FILE", help="as for classify")
    report.add_argument("-o", "--output", required=True, metavar="PAGE", help="the HTML file to write")
    report.add_argument(
        "--language", choices=["en", "ja"], help="of the page's own words (default: the reader's browser's)"
    )
    _model_options(report)
    report.set_defaults(run=_report)

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
            document = _document(name)
        except (policyclf.FileError, policyclf.MissingExtraError) as error:
            failed = True
            print(f"policyclf: {error}", file=sys.stderr)
            continue
        clauses = classifier.classify(document)
        if options.no_furniture:
            clauses = [clause for clause in clauses if clause.furniture is None]
        if as_table:
            if len(options.files) > 1:
                print(f"{chr(10) if number else ''}== {name}")
            for line in _table(clauses):
                print(line)
        else:
            for clause in clauses:
                print(json.dumps({"file": name, **clause.to_dict()}, ensure_ascii=False))
    return 1 if failed else 0


def _report(options: argparse.Namespace) -> int:
    from policyclf import report

    classifier = _classifier(options)
    read = [_document(name) for name in options.files]
    short = [Path(name).name for name in options.files]
    names = short if len(set(short)) == len(short) else options.files
    documents = [
        report.document_of(classifier.classify(document), name)
        for document, name in zip(read, names, strict=True)
    ]
    page = report.render(documents, language=options.language, model=classifier.config.name)
    report.write(page, options.output)
    return 0


def _document(name: str) -> policyclf.Document:
    return document_of(sys.stdin.buffer.read(), "-") if name == "-" else policyclf.read(name)


def _table(clauses: Sequence[policyclf.Clause]) -> Iterator[str]:
    """Two columns: practices, and the clause wrapped beside them. Headings stand flush left."""
    left = max((len(mark) for clause in clauses for mark in _marks(clause)), default=0)
    width = max(TEXT_MINIMUM, shutil.get_terminal_size().columns - left - 2)
    for clause in clauses:
        lines = list(_wrapped(" ".join(clause.text.split()), width))
        if clause.kind == "heading" and not clause.furniture:
            yield ""
            yield from lines
            continue
        marks = _marks(clause) or ["-"]
        for i in range(max(len(lines), len(marks))):
            mark = marks[i] if i < len(marks) else ""
            yield f"{mark:<{left}}  {lines[i] if i < len(lines) else ''}".rstrip()


def _marks(clause: policyclf.Clause) -> list[str]:
    """What stands beside a clause: what kind of furniture it is, and its labels."""
    furniture = [f"({clause.furniture.replace('_', ' ')})"] if clause.furniture else []
    return furniture + [_label(clause, practice) for practice in clause.labels]


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
