"""Web pages: what their markup says of blocks, what is furniture, what is hidden."""

from __future__ import annotations

import pytest

from policyclf.page import page
from policyclf.segmenting import segments


def shown(markup: str) -> list[tuple[str, str]]:
    """The kind and text of each block."""
    document = page(markup)
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


def content(markup: str) -> list[str]:
    """The text of each block that is no furniture."""
    document = page(markup)
    return [document.text[b.start : b.end] for b in document.blocks if b.furniture is None]


def furniture(markup: str) -> dict[str, str]:
    document = page(markup)
    return {document.text[b.start : b.end]: b.furniture for b in document.blocks if b.furniture}


def leads(markup: str) -> dict[str, str | None]:
    """What leads each block in."""
    document = page(markup)
    text = [document.text[b.start : b.end] for b in document.blocks]
    return {
        t: None if b.lead_in is None else text[b.lead_in] for t, b in zip(text, document.blocks, strict=True)
    }


def test_headings_paragraphs_and_items() -> None:
    assert shown(
        "<h1>Privacy<br>Notice</h1><p>We log.<br></p><ul><li>names<li><p>e-mail</p></ul><h6>End</h6>"
    ) == [
        ("heading", "Privacy Notice"),
        ("paragraph", "We log."),
        ("list_item", "names"),
        ("list_item", "e-mail"),
        ("heading", "End"),
    ]


def test_a_nested_list_is_led_in_by_its_parent_s_text() -> None:
    markup = """<p>We collect:</p><ul><li>Account:<ol><li>name<li>age</ol>and more
    <li>Logs<ul><li><div>IP</div></ul></ul>"""
    found = leads(markup)
    assert found["Account:"] == found["Logs"] == found["and more"] == "We collect:"
    assert found["name"] == found["age"] == "Account:"
    assert found["IP"] == "Logs"
    assert [b.depth for b in page(markup).blocks] == [0, 0, 1, 1, 0, 0, 1]


def test_the_segments_know_their_lead_in() -> None:
    document = page("<p>We are here. We collect:</p><ul><li>One. Two.<ul><li>three</ul></ul>")
    found = segments(document)
    text = [document.text[s.start : s.end] for s in found]
    assert text == ["We are here.", "We collect:", "One.", "Two.", "three"]
    assert [s.lead_in for s in found] == [None, None, 1, 1, 3]


def test_lists_in_paragraphs_of_the_author_s_own_marks() -> None:
    markup = """<p>当社は、次の情報を取得します。</p><p>（１）お名前、ご住所などです。</p>
    <ul><li>氏名</ul><p>（２）お電話番号です。</p>"""
    found = leads(markup)
    assert (
        found["（１）お名前、ご住所などです。"]
        == found["（２）お電話番号です。"]
        == "当社は、次の情報を取得します。"
    )
    assert found["氏名"] == "（１）お名前、ご住所などです。"


def test_line_breaks_are_read_as_lines_of_text_are() -> None:
    markup = "<div>当社は、次の情報を<br>取得します。<br>・氏名<br>・住所<br><br>ご連絡ください。</div>"
    assert shown(markup) == [
        ("paragraph", "当社は、次の情報を\n取得します。"),
        ("list_item", "・氏名"),
        ("list_item", "・住所"),
        ("paragraph", "ご連絡ください。"),
    ]


def test_titles_that_are_only_bold() -> None:
    markup = (
        "<p><b>What we collect</b></p><p>We collect names.</p>"
        "<div><strong>Sharing</strong><br>We share nothing.</div><p><b>We never sell your data.</b></p>"
        "<p><b>Note.</b> We log.</p><p style='font-weight: 700'>Retention</p><p>A year.</p>"
    )
    assert [text for kind, text in shown(markup) if kind == "heading"] == [
        "What we collect",
        "Sharing",
        "Retention",
    ]
    assert ("paragraph", "We never sell your data.") in shown(markup)


def test_a_paragraph_in_a_heading_s_clothes() -> None:
    sentence = "We collect your name and your address when you order a kite from our shop."
    assert shown(f"<h4>{sentence}</h4><h4>当社は、お名前を取得します。</h4>") == [
        ("paragraph", sentence),
        ("paragraph", "当社は、お名前を取得します。"),
    ]
    assert shown("<h2>Do we sell your data?</h2><p>No.</p>")[0][0] == "heading"


def test_sections_in_a_list_are_no_items() -> None:
    assert [kind for kind, _ in shown("<ol><li><h2>Names</h2><p>We keep them.</p><ul><li>all</ul></ol>")] == [
        "heading",
        "paragraph",
        "list_item",
    ]


def test_a_table_with_headers() -> None:
    markup = """<p>We process:</p><table><caption>Purposes</caption><thead><tr><th>Data<th>Why</thead>
    <tr><td>Names<td>Orders. Letters too.<tr><td rowspan=2>Logs<td>Safety<tr><td>Debugging</table>"""
    assert shown(markup)[2:] == [
        ("heading", "Data\tWhy"),
        ("table_row", "Names\tOrders. Letters too."),
        ("table_row", "Logs\tSafety"),
        ("table_row", "Debugging"),
    ]
    found = leads(markup)
    assert found["Debugging"] == "Logs\tSafety"
    assert found["Names\tOrders. Letters too."] in ("Purposes", "We process:")
    document = page(markup)
    assert [document.text[s.start : s.end] for s in segments(document)][3:5] == [
        "Names\tOrders.",
        "Letters too.",
    ]


def test_row_headers_lead_in_the_lines_of_their_cells() -> None:
    markup = """<table><tr><th>利用<br>目的<td><ul><li>商品の発送<li>お問い合わせへの回答</ul>
    <tr><th>保存期間<td>７年間</table>"""
    assert shown(markup) == [
        ("table_row", "利用目的"),
        ("list_item", "商品の発送"),
        ("list_item", "お問い合わせへの回答"),
        ("table_row", "保存期間\t７年間"),
    ]
    assert leads(markup)["お問い合わせへの回答"] == "利用目的"


def test_the_first_row_of_a_table_without_headers() -> None:
    rows = "<tr><td>Data<td>Kept</tr><tr><td>Names<td>We keep them for two years.</tr>"
    assert [kind for kind, _ in shown(f"<table>{rows}</table>")] == ["heading", "table_row"]


@pytest.mark.parametrize(
    "table",
    [
        "<table role=presentation><tr><td>We log.<td>We sell nothing.</table>",
        "<table><tr><td>We log.<td>We sell nothing.</table>",
        "<table><tr><td>We log.<tr><td>We sell nothing.</table>",
        "<table><tr><td><table><tr><td>We log.</table><td>We sell nothing.</table>",
        "<table><tr><td><h2>A</h2>We log.<td>We sell nothing.<tr><td><td></table>",
    ],
)
def test_tables_for_the_layout(table: str) -> None:
    assert [block for block in shown(table) if block[0] != "heading"] == [
        ("paragraph", "We log."),
        ("paragraph", "We sell nothing."),
    ]


def test_definition_lists() -> None:
    markup = """<dl><dt>Controller<dd>Ravensmoor Ltd.<dt>Do you sell data?<dd>We do not.
    <dt>第１条（目的）<dd>当社は、目的を定めます。<dt>Names<dd>yours<dd>ours<div><dt>Logs<dd><p>One.<p>Two.</div></dl>"""
    assert shown(markup) == [
        ("table_row", "Controller\tRavensmoor Ltd."),
        ("heading", "Do you sell data?"),
        ("paragraph", "We do not."),
        ("heading", "第１条（目的）"),
        ("paragraph", "当社は、目的を定めます。"),
        ("table_row", "Names\tyours"),
        ("list_item", "ours"),
        ("heading", "Logs"),
        ("paragraph", "One."),
        ("paragraph", "Two."),
    ]
    assert leads(markup)["ours"] == "Names\tyours"


def test_white_space_is_that_of_browsers() -> None:
    assert content("<p>  We \n\t log&nbsp;it.<p>個人\n  情報を\nCookie\nで取得") == [
        "We log\xa0it.",
        "個人情報を Cookie で取得",
    ]
    assert content("<p>a<span>b</span>c<b> d</b> e &amp; f&shy;g\u200bh") == ["abc d e & fgh"]
    assert content("<pre>We log\n  your name,\n  and more.</pre>") == ["We log", "your name,", "and more."]


def test_scripts_and_the_like_are_no_text() -> None:
    markup = """<title>T</title><p>We log.<script>var a = "<p>no</p>";</script><style>p {}</style><!-- no -->
    <template><p>no</p></template><svg><text>no</text></svg><select><option>no</select><iframe>no</iframe>
    <ruby>個人<rp>(</rp><rt>こじん</rt><rp>)</rp></ruby>情報<noscript>no</noscript>
    <span class="material-icons">expand_more</span><a class="headerlink" href="#x">¶</a></p>"""
    assert "".join(content(markup)) == "We log. 個人情報"


def test_a_policy_in_a_text_area_and_in_a_shadow_root() -> None:
    assert content("<form><textarea readonly>We log.\n\nWe sell nothing.</textarea></form>") == [
        "We log.",
        "We sell nothing.",
    ]
    assert content("<x-y><template shadowrootmode=open><p>We log.</p></template></x-y>") == ["We log."]


def test_what_is_hidden_for_good() -> None:
    markup = """<p>We log.</p><div hidden>Loading</div><div style="DISPLAY : none">Error</div>
    <dialog>Are you sure?</dialog><noscript>Turn scripts on</noscript>
    <p aria-hidden=true>We sell nothing.</p>"""
    assert content(markup) == ["We log.", "We sell nothing."]


def test_what_a_control_or_its_length_shows_to_be_text() -> None:
    long = "We keep your name and your address for as long as you are a member of the club. " * 4
    markup = f"""<p>Read on.</p><button aria-expanded=false aria-controls=p1>What we collect</button>
    <div id=p1 hidden>We collect names.</div><a href="#P2">Sharing</a>
    <div id=P2 style="display:none">We share nothing.</div>
    <details><summary>Your rights</summary>Ask us.</details><div style="visibility:hidden">{long}</div>
    <div hidden=until-found>Found.</div><div role=tabpanel hidden>Tab.</div>"""
    text = " ".join(content(markup))
    for wanted in ("We collect names.", "We share nothing.", "Ask us.", long.strip(), "Found.", "Tab."):
        assert wanted in text
    assert ("heading", "What we collect") in shown(markup)
    assert ("heading", "Your rights") in shown(markup)


def test_a_page_of_noscript_alone_is_read() -> None:
    assert content("<noscript><p>We log.</p></noscript><div id=root></div>") == ["We log."]


POLICY = "<h1>Privacy</h1><p>We collect the names of those who write to us. We sell nothing.</p>" + (
    "<p>We keep letters for two years, and then we burn them in the yard.</p>" * 4
)


@pytest.mark.parametrize(
    ("markup", "kind"),
    [
        ("<nav><ul><li><a href=/>X</a><li>Y</ul></nav>", "navigation"),
        ("<div role=navigation>X</div>", "navigation"),
        ("<ul class='main-menu'><li>X</ul>", "navigation"),
        ("<ol id=breadcrumb><li>X</ol>", "navigation"),
        ("<div class='topicpath'>X ＞ Y</div>", "navigation"),
        ("<ul><li><a href='#a'>X</a><li><a href='#b'>Y</a></ul>", "navigation"),
        ("<h2>目次</h2><ul><li><a href='#a'>X</a><li><a href='#b'>Y</a></ul>", "navigation"),
        ("<a href='#main'>Skip to main content</a>", "navigation"),
        ("<p><a href='#top'>ページトップへ戻る</a></p>", "navigation"),
        ("<header><a href=/>X</a></header>", "header"),
        ("<div id=header><p>X</p></div>", "header"),
        ("<footer><p>(c) X. All rights reserved.</p></footer>", "footer"),
        ("<div class='site-footer'>X</div>", "footer"),
        ("<div id=onetrust-banner-sdk><h2>X</h2><p>We use cookies.</p></div>", "cookie_banner"),
        ("<div class=cookie-notice role=dialog>We use cookies.</div>", "cookie_banner"),
        ("<div class=gdpr-banner>We use cookies. <button>OK</button></div>", "cookie_banner"),
        ("<button>X</button>", "button"),
    ],
)
def test_furniture_is_kept_and_marked(markup: str, kind: str) -> None:
    for whole in (f"{markup}<main>{POLICY}</main>", f"<div class=wrapper>{POLICY}{markup}</div>"):
        assert set(furniture(whole).values()) == {kind}
        assert content(whole) == content(POLICY)


@pytest.mark.parametrize(
    "markup",
    [
        f"<nav>{POLICY}</nav>",
        f"<div id=cookie-policy class=cookie-notice>{POLICY}<button>x</button></div>",
        f"<div id=pagetop class=menu>{POLICY}</div>",
        f"<header>{POLICY}</header>",
        f"<footer>{POLICY}</footer>",
        f"<body class='nav footer header cookie-banner'>{POLICY}",
        f"<div role=dialog class=consent-modal>{POLICY}</div>",
        f"<nav><ul><li><a href=/>{POLICY}",
        f"<ul>{POLICY}</ul>",
        f"<article><header>{POLICY}</header></article>",
        f"<main><footer>{POLICY}</footer></main>",
    ],
)
def test_in_doubt_it_is_content(markup: str) -> None:
    assert "".join("".join(content(markup)).split()).removesuffix("x") == "".join(
        "".join(content(POLICY)).split()
    )


def test_a_banner_leads_no_menu_in_and_no_item_of_the_policy() -> None:
    found = leads(
        "<div class=cookie-bar><p>We use:</p><button>OK</button></div><nav><ul><li>X</ul></nav>"
        f"<ul><li>names</ul>{POLICY}"
    )
    assert found["X"] is None
    assert found["names"] is None


def test_nothing_is_added_but_white_space() -> None:
    markup = "<div>Intro<ul><li>a<li>b<ul><li>c</ul></ul><table><tr><th>d<th>e<tr><td>f<td>g</table>"
    markup += f"{POLICY}</div>"
    document = page(markup)
    letters = "IntroabcdefgPrivacy"
    assert "".join(document.text.split()).startswith(letters)
    at = 0
    for block in document.blocks:
        assert not document.text[at : block.start].strip()
        at = block.end
    assert not document.text[at:].strip()


def test_broken_markup_reads_as_in_a_browser() -> None:
    assert shown("<p>We log:<p>Names are kept.<ul><li>a</p><li>b</ul></div></b>We end.") == [
        ("paragraph", "We log:"),
        ("paragraph", "Names are kept."),
        ("list_item", "a"),
        ("list_item", "b"),
        ("paragraph", "We end."),
    ]
    assert content("We <b>log <i>names</b> here</i>") == ["We log names here"]


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 50_000 + "We log.",
        "<ul><li>" * 20_000 + "We log.",
        "<b>" * 50_000 + "<p>We log." * 3,
        "<svg>" * 50_000 + "</svg><p>We log.",
        "<table><tr><td>" * 10_000 + "We log.",
        "<p " + " ".join(f"a{i}" for i in range(50_000)) + ">We log.",
        "<!--" * 50_000 + "--><p>We log.",
        "<template shadowrootmode=open>" * 2_000 + "</template>" * 2_000 + "We log.",
        "<p>We log.<textarea a='" + "<" * 50_000,
    ],
)
def test_hostile_nesting_takes_no_quadratic_time(markup: str) -> None:
    # lexbor alone takes from seconds to minutes for these; a timed test would be flaky,
    # but the suite's patience ends long before theirs.
    assert "We log." in page(markup).text
