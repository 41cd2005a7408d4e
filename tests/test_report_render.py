"""The page's parts without a browser: escaping, layout, comparison, palette, the command."""

from __future__ import annotations

import html
import itertools
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyclf
from policyclf import Practice, report
from policyclf.blocks import Block
from policyclf.report import escaping
from policyclf.report.comparing import counterparts
from policyclf.report.escaping import attribute, visible
from policyclf.report.layout import Heading, Items, Paragraph, Stretch, Table, layout
from policyclf.results import Clauses
from tests.conftest import ROOT
from tests.pages import (
    ENGLISH,
    ENGLISH_TAGS,
    HOSTILE,
    HOSTILE_TAGS,
    JAPANESE,
    JAPANESE_TAGS,
    NEWER,
    NEWER_TAGS,
    POLICY,
    TAGS,
    labelled,
)  # fmt: skip


def page(*named: tuple[str, str, dict[str, str]]) -> str:
    return report.render([report.document_of(labelled(text, tags), name) for name, text, tags in named])


# Escaping


@pytest.mark.parametrize(
    ("character", "named"),
    [
        ("\u202e", "U+202E"), ("\u2066", "U+2066"), ("\u200f", "U+200F"), ("\u061c", "U+061C"),
        ("\u200b", "U+200B"), ("\u200d", "U+200D"), ("\ufeff", "U+FEFF"), ("\u00ad", "U+00AD"),
        ("\x00", "U+0000"), ("\x1b", "U+001B"), ("\x9b", "U+009B"), ("\ud800", "U+D800"),
        ("\u3164", "U+3164"), ("\u2800", "U+2800"), ("\U000e0041", "U+E0041"), ("\u034f", "U+034F"),
    ],
)  # fmt: skip
def test_what_does_not_show_is_named_in_its_place(character: str, named: str) -> None:
    shown = visible(f"a{character}b")
    assert character not in shown
    assert re.fullmatch(rf'a<span class="hid" title="[A-Z0-9 -]+">{re.escape(named)}</span>b', shown)
    assert attribute(f"a{character}b") == f"a[{named}]b"


@pytest.mark.parametrize(
    "text",
    [
        "naïve café",
        "プライバシー ﾎﾟﾘｼｰ",
        "か\u3099き",
        "👩\u200d👩\u200d👧 👍🏽 ☎\ufe0f",
        "葛\U000e0100城",
        "Việt Nam",
        "a\u3000b\xa0c",
    ],
)
def test_what_writing_needs_stays(text: str) -> None:
    assert visible(text) == text


def test_what_is_taken_for_plain_hides_nothing() -> None:
    plain = [chr(i) for i in range(0x110000) if escaping._PLAIN.fullmatch(chr(i))]
    assert len(plain) > 20_000
    assert not [c for c in plain if escaping._hides(f"a{c}a", 1)]


def test_a_pile_of_marks_is_taken_down() -> None:
    shown = visible("Z" + "\u0301" * 40)
    assert shown.startswith("Z\u0301\u0301\u0301<span")
    assert shown.count("U+0301") == 37
    assert "U+0301" in visible("\u0301")
    assert visible("か\u3099", 1) == "\u3099"  # a cut between letter and mark changes nothing


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_no_text_gets_out_of_its_escape(text: str) -> None:
    shown = visible(text)
    left = re.sub(r'<span class="hid" title="[A-Z0-9 -]+">(U\+[0-9A-F]+)</span>', "", shown)
    assert not set(left) & set("<>\"'")
    assert not re.search(r"&(?!amp;|lt;|gt;|quot;|#x27;)", left)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Cn") and not c.isspace()]
    assert not [
        c for c in shown if unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI")
    ]
    assert not set(attribute(text)) & set("<>\"'\n")


# Layout


def test_the_layout_is_that_of_the_text() -> None:
    nodes = layout(POLICY)
    kinds = [type(node).__name__ for node in nodes]
    assert kinds == [
        "Heading", "Paragraph", "Heading", "Paragraph", "Items", "Paragraph", "Table", "Paragraph", "Heading",
        "Paragraph",
    ]  # fmt: skip
    shown = lambda stretch: POLICY[stretch.start : stretch.end]  # noqa: E731
    headings = [node for node in nodes if isinstance(node, Heading)]
    assert [(h.level, shown(h.content)) for h in headings] == [
        (1, "Privacy at Fennimore Kites"), (2, "What we ask for"), (2, "保存と安全管理"),
    ]  # fmt: skip
    (items,) = (node for node in nodes if isinstance(node, Items))
    assert [shown(item.content) for item in items.items] == ["your name and address", "your arm span"]
    assert [(shown(i.mark), shown(i.content)) for i in items.items[1].items] == [
        ("1.", "in centimetres"), ("2.", "or in inches"),
    ]  # fmt: skip
    (table,) = (node for node in nodes if isinstance(node, Table))
    assert table.headed
    assert [[shown(cell) for cell in row] for row in table.rows] == [
        ["Data", "Kept for"], ["Orders", "seven years"], ["Letters", "one year"],
    ]  # fmt: skip
    assert [n.quoted for n in nodes if isinstance(n, Paragraph)] == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("Title\n=====\n\nWe keep it.\n\nPart\n----\n\nWe do.\n", [1, 2]),
        ("# A\n\n#### B\n\nText here.\n", [1, 2]),  # no level is skipped on the way down
        ("個人情報保護方針\n\n第1条（目的）\n当社は、情報を取得します。\n", [1, 2]),
    ],
)
def test_heading_levels(text: str, levels: list[int]) -> None:
    assert [node.level for node in layout(text) if isinstance(node, Heading)] == levels


def test_a_row_is_cut_at_its_tabs_where_it_has_some() -> None:
    text = "Data\tKept | shared\nOrders\t7 years | no\n"
    (table,) = layout(text)
    assert isinstance(table, Table)
    assert [[text[c.start : c.end] for c in row] for row in table.rows] == [
        ["Data", "Kept | shared"],
        ["Orders", "7 years | no"],
    ]


def test_a_blank_line_parts_two_tables_but_no_header_from_its_rows() -> None:
    text = "Data\tKept\n\nOrders\t7 years\nLetters\t1 year\n\nShops\tseen by\nMaps\tnobody\n"
    given = [
        Block(m.start(), m.end(), "heading" if m.start() == 0 else "table_row")
        for m in re.finditer(r"[^\n]+", text)
    ]
    tables = layout(text, given)
    assert [(len(t.rows), t.headed) for t in tables if isinstance(t, Table)] == [(3, True), (2, False)]


def test_blocks_that_are_known_need_not_be_told_by_the_words() -> None:
    text = "We keep it.\nYou may write."
    given = [Block(0, 11, "list_item"), Block(12, 26, "list_item")]
    clauses = Clauses(labelled(text, {"keep": "retention"}), source=text, blocks=given)
    assert "<li" not in page(("x", text, {})).split("<main")[1].split("</main>")[0]
    source = report.render([report.document_of(clauses, "x")])
    assert source.split("<main")[1].split("</main>")[0].count("<li") == 2


def stretches(text: str) -> list[Stretch]:
    def of_items(items: Items) -> list[Stretch]:
        return [s for i in items.items for s in [i.mark, i.content, *of_items(Items(i.items))]]

    found = []
    for node in layout(text):
        if isinstance(node, Items):
            found += of_items(node)
        elif isinstance(node, Table):
            found += [cell for row in node.rows for cell in row]
        else:
            found.append(node.content)
    return found


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["# ", "## ", "- ", "  - ", "1. ", "(2) ", "第1条 ", "| ", " | ", "|---|---|", "---", "===",
             "> ", "※ ", "\n", "\n", "\n\n", "\t", "We keep it. ", "お名前を取得します。", "a", "**b**", "、",
             "\u202e", "<b>"]
        ),
        max_size=24,
    ).map("".join)
)  # fmt: skip
def test_nothing_of_the_text_is_left_out_but_marks_of_layout(text: str) -> None:
    found = stretches(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    left, at = [], 0
    for stretch in found:
        left.append(text[at : stretch.start])
        at = stretch.end
    left.append(text[at:])
    assert not set("".join(left)) - set("#|｜-=:> \t\n\r\u3000"), left
    report.render([report.document_of(labelled(text, {"keep": "retention", "取得": "first"}), "x")])


# Rendering


class Reader(HTMLParser):
    """Texts of a page by the tag that they stand in, and all tags with attributes."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_clause_carries_its_labels_denial_evidence_and_scores() -> None:
    source = page(("kites.md", POLICY, TAGS))
    opened = re.search(
        r'<bdi class="c p0 no" id="(d0c\d+)"[^>]*>We do <u class="e0" data-e="0">not ask for your age</u>',
        source,
    )
    assert opened
    of = re.search(rf'id="{opened[1]}"[^>]*', source)
    assert of
    assert 'data-p="0" data-d="0"' in of[0]
    assert 'data-s="900 20 20 20 20 20 20 20 20 20 20 20"' in of[0]
    tags = [
        a
        for t, a in Reader(source).tags
        if t == "bdi" and "c" in (a.get("class") or "").split() and "id" in a
    ]
    clauses = [c for c in labelled(POLICY, TAGS) if c.kind != "heading"]
    assert len(tags) == len(clauses) - 1  # the ruler under the table's header is layout
    ids = [a["id"] for _, a in Reader(source).tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_the_same_input_gives_the_same_page() -> None:
    assert page(("a.md", POLICY, TAGS)) == page(("a.md", POLICY, TAGS))


def test_bold_is_bold_and_stays_literal_where_it_is_no_pair() -> None:
    source = page(("x", "We **never** sell it, and 2 ** 3 is eight.", {"sell": "third!"}))
    assert "We <strong>never</strong> " in source
    assert "2 ** 3" in source


def test_a_hard_wrapped_line_goes_on_as_its_script_does() -> None:
    source = page(
        ("x", "当社は、お客様のお名前とご住所とお電話番号とをご注文の際に取得し\nます。", {"取得": "first"})
    )
    assert "取得</u>します" in source or "取得し" in source
    assert "し ます" not in source


def test_a_clause_of_another_text_is_refused() -> None:
    clauses = labelled(POLICY, TAGS)
    with pytest.raises(ValueError, match="is not the text's"):
        report.document_of(clauses, text=POLICY[1:])
    with pytest.raises(ValueError, match="the text is needed"):
        report.document_of(list(clauses))
    with pytest.raises(ValueError, match="at least one document"):
        report.render([])


@pytest.mark.parametrize("text", ["", "\n\n", "x", "|---|---|\n|---|---|", "---"])
def test_next_to_nothing_is_a_page(text: str) -> None:
    source = page(("empty.md", text, {}))
    assert source.startswith("<!doctype html>")
    assert source.rstrip().endswith("</html>")
    page(("a", text, {}), ("b", POLICY, TAGS))


def test_several_documents_stand_in_turn() -> None:
    source = page(("a.md", POLICY, TAGS), ("b.md", ENGLISH, ENGLISH_TAGS), ("c.md", JAPANESE, JAPANESE_TAGS))
    assert source.count('<article class="policy">') == 3
    assert [name for name in ("a.md", "b.md", "c.md") if f"<bdi>{name}</bdi></th>" in source] == [
        "a.md",
        "b.md",
        "c.md",
    ]


def test_nothing_hostile_becomes_markup() -> None:
    source = page(('"><script>window.owned=6</script>\u202e', HOSTILE, HOSTILE_TAGS))
    reader = Reader(source)
    assert [t for t, _ in reader.tags].count("script") == 2  # words, and the page's own
    assert [t for t, _ in reader.tags].count("style") == 1
    assert not [t for t, _ in reader.tags if t in ("img", "iframe", "object", "embed", "form", "base")]
    assert not [a for _, a in reader.tags if any(name.startswith("on") or name == "style" for name in a)]
    links = {a["href"] for _, a in reader.tags if a.get("href")}
    assert all(link and (link.startswith("#") or link == "data:,") for link in links)
    source.encode("utf-8")
    assert not set(source) & set("\u202e\u202d\u2066\u2069\u200b\u200f\x00\x1b\u00ad\u3164")


def test_the_page_allows_its_own_script_and_style_and_nothing_else() -> None:
    source = page(("kites.md", POLICY, TAGS))
    (policy,) = (
        a["content"] for t, a in Reader(source).tags if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]{44}'", rules["script-src"])
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]{44}'", rules["style-src"])
    assert not re.search(r"https?://(?!fennimore)", source.replace("http-equiv", ""))


def test_what_is_no_part_of_the_policy_is_marked_so(classifier: policyclf.Classifier) -> None:
    web = b"""<!doctype html><title>x</title><nav><ul><li><a href="/">Home</a></li></ul></nav>
        <main><h1>Privacy</h1><p>We ask for:</p><ul><li>your name</li></ul>
        <table><tr><th>Data</th><th>Kept</th></tr><tr><td>Orders</td><td>a year</td></tr></table></main>"""
    clauses = classifier.classify(policyclf.read(web, kind="html"))
    body = report.render([report.document_of(clauses, "x.html")]).split("<main")[1].split("</main>")[0]
    marked = re.findall(r'<bdi class="c[^"]*furniture"[^>]*>(.*?)</bdi>', body)
    assert [re.sub("<[^>]*>", "", text) for text in marked] == ["Home"]
    assert '<span class="tag page"><span class="i-en" lang="en">menu</span>' in body
    assert re.search(r'<th scope="col"[^>]*><bdi[^>]*>Data</bdi></th>', body)
    assert body.count("<tr>") == 2


# Comparison


def test_two_versions_are_aligned_by_their_words() -> None:
    old, new = labelled(POLICY, TAGS), labelled(NEWER, NEWER_TAGS)
    comparison = counterparts(old, new)
    assert comparison.by == "words"
    paired = {i for p in comparison.pairs for i in p.left}
    assert [old[i].text for i in range(len(old)) if i not in paired] == ["We never sell your data to anyone."]
    paired = {j for p in comparison.pairs for j in p.right}
    assert [new[j].text for j in range(len(new)) if j not in paired] == [
        "You may cancel the catalogue at any time."
    ]
    changed = [(old[p.left[0]].text, new[p.right[0]].text) for p in comparison.pairs if p.kind == "changed"]
    assert changed == [
        ("- your arm span", "- your arm span and your height"),
        ("| Orders | seven years |", "| Orders | nine years |"),
    ]


def test_a_clause_that_moved_is_found_again() -> None:
    text = "We keep orders for seven years.\n\nWe never sell your data.\n\nWrite to our desk in Ardmore.\n"
    first, second, third = text.strip().split("\n\n")
    moved = "\n\n".join([third, first, second])
    comparison = counterparts(labelled(text, {}), labelled(moved, {}))
    assert sorted((p.left[0], p.right[0], p.kind) for p in comparison.pairs) == [
        (0, 1, "same"), (1, 2, "same"), (2, 0, "moved"),
    ]  # fmt: skip


def test_two_languages_are_aligned_by_practice_and_order() -> None:
    english, japanese = labelled(ENGLISH, ENGLISH_TAGS), labelled(JAPANESE, JAPANESE_TAGS)
    comparison = counterparts(english, japanese)
    assert comparison.by == "practice"
    pairs = {(english[i].text, japanese[j].text) for p in comparison.pairs for i in p.left for j in p.right}
    assert pairs == {
        ("# Privacy", "# 個人情報保護方針"),
        ("We ask for your name.", "お名前を伺います。"),
        ("Write to 0848-00-0000.", "電話 0848-00-0000 までご連絡ください。"),
    }


def test_two_sentences_may_answer_one() -> None:
    english = labelled(
        "We ask for your name. We ask for your address too.\n\nWe never sell it.",
        {"ask": "first", "sell": "third!"},
    )
    japanese = labelled(
        "ご注文の際にお名前とご住所を伺います。\n\nこれを販売することはありません。",
        {"伺": "first", "販売": "third!"},
    )
    comparison = counterparts(english, japanese)
    assert [(p.left, p.right) for p in comparison.pairs] == [((0, 1), (0,)), ((2,), (1,))]


@pytest.mark.parametrize(("left", "right"), [("", ""), ("", POLICY), (POLICY, ""), (POLICY, "数える。")])
def test_comparing_with_next_to_nothing(left: str, right: str) -> None:
    assert len(counterparts(labelled(left, TAGS), labelled(right, TAGS)).pairs) <= 1


def test_unrelated_policies_are_compared_by_practice() -> None:
    other = "We ask for shoe sizes.\n\nBoots are dear.\n\nCobblers see them.\n"
    comparison = counterparts(labelled(POLICY, TAGS), labelled(other, {"shoe": "first", "Cobblers": "third"}))
    assert comparison.by == "practice"


def test_the_table_says_what_differs() -> None:
    source = page(("en.md", ENGLISH, ENGLISH_TAGS), ("ja.md", JAPANESE, JAPANESE_TAGS))
    rows = re.findall(r"<tr class=\"[a-z]*\"><th scope=\"row\">.*?</tr>", source)
    differing = [i for i, row in enumerate(rows) if 'class="differs"' in row]
    order = list(Practice)
    assert [order[i] for i in differing] == [Practice.THIRD_PARTY_SHARING_COLLECTION, Practice.DATA_RETENTION]
    assert rows[order.index(Practice.POLICY_CHANGE)].count('class="missing"') == 2


# Colours


MACHADO = {  # severity 1.0 (Machado, Oliveira & Fernandes, IEEE TVCG 15, 2009), on linear RGB
    "protan": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900],
    ],
    "typical": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
}  # fmt: skip


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def palettes() -> list[dict[str, str]]:
    style = (ROOT / "policyclf" / "report" / "style.css").read_text(encoding="utf-8")
    found = [
        dict(re.findall(r"--([a-z]+\d*): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    return found[:2]  # light, dark


@pytest.mark.parametrize("vision", list(MACHADO))
@pytest.mark.parametrize("mode", [0, 1])
def test_the_twelve_colours_stay_apart_in_every_eye(mode: int, vision: str) -> None:
    palette = palettes()[mode]
    seen = [lab(np.array(MACHADO[vision]) @ linear(palette[f"p{i}"])) for i in range(len(Practice))]
    distances = [float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 15  # CIE 1976; 2.3 is just noticeable


@pytest.mark.parametrize("mode", [0, 1])
def test_every_colour_stands_out_from_the_page(mode: int) -> None:
    palette = palettes()[mode]
    luminance = {name: float(linear(c) @ np.array([0.2126, 0.7152, 0.0722])) for name, c in palette.items()}
    for i in range(len(Practice)):
        a, b = sorted([luminance[f"p{i}"], luminance["paper"]])
        assert (b + 0.05) / (a + 0.05) >= 3  # WCAG 1.4.11


# Notebooks


def test_classification_shows_itself_in_a_notebook(classifier: policyclf.Classifier) -> None:
    clauses = classifier.classify(POLICY)
    assert isinstance(clauses, list)
    assert clauses == list(clauses)
    assert isinstance(clauses, Clauses)
    frame = clauses._repr_html_()
    (found,) = [a for t, a in Reader(frame).tags if t == "iframe"]
    assert found["sandbox"] == "allow-scripts"
    assert found["srcdoc"] == report.render([report.document_of(clauses)], embedded=True)
    assert html.unescape(frame).count("<!doctype html>") == 1


def test_sentences_show_themselves_too(classifier: policyclf.Classifier) -> None:
    clauses = classifier.classify(["We keep it\nfor a year.", "", "お名前を取得します。"])
    source = report.render([report.document_of(clauses, "sentences")])
    for text in ("We keep it", "お名前"):
        assert text in re.sub(r"<u [^>]*>|</u>", "", source)
    assert "<iframe" in clauses._repr_html_()  # type: ignore[attr-defined]


# The command


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "policyclf", *arguments], input=given, capture_output=True, check=False
    )


def test_the_command_writes_a_page(tmp_path: Path) -> None:
    policy, out = tmp_path / "kites.md", tmp_path / "page.html"
    policy.write_text(POLICY, encoding="utf-8")
    done = run("report", str(policy), "-o", str(out), "--language", "ja")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    source = out.read_text(encoding="utf-8")
    assert '<html lang="ja" data-chosen="ja"' in source
    assert policyclf.load().config.name in source
    assert [p.name for p in tmp_path.iterdir() if p.suffix not in (".md", ".html")] == []
    done = run("report", str(policy), "-", "-o", str(out), given=NEWER.encode())
    assert done.returncode == 0
    assert 'data-view="pair"' in out.read_text(encoding="utf-8")


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "policy.md").write_text(ENGLISH, encoding="utf-8")
    out = tmp_path / "page.html"
    paths = [str(tmp_path / folder / "policy.md") for folder in ("old", "new")]
    assert run("report", *paths, "-o", str(out)).returncode == 0
    assert all(path in out.read_text(encoding="utf-8") for path in paths)


def test_what_cannot_be_read_or_written_is_said_in_a_line(tmp_path: Path) -> None:
    policy, out = tmp_path / "kites.md", tmp_path / "page.html"
    policy.write_text(ENGLISH, encoding="utf-8")
    done = run("report", str(policy), str(tmp_path / "absent.md"), "-o", str(out))
    assert (done.returncode, out.exists()) == (1, False)
    assert b"absent.md: cannot be read" in done.stderr
    done = run("report", str(policy), "-o", str(tmp_path / "no" / "page.html"))
    assert done.returncode == 1
    assert b"page.html: cannot be written" in done.stderr
    assert run("report", str(policy)).returncode == 2
