"""What the words of a line tell of its kind: a title, an announcement, a definition.

Surface signs only (endings, function words, dates, addresses), so that reading a
document needs no tagger. All tests take the text of a line without its mark.
"""

from __future__ import annotations

import re

from policyclf.lines import JAPANESE

__all__ = [
    "anchorless",
    "announces",
    "ends_in_abbreviation",
    "holds_sentence",
    "is_bold",
    "is_brief",
    "is_capitals",
    "is_clause",
    "is_colon_title",
    "is_contact",
    "is_definition",
    "is_enclosed",
    "is_ended",
    "is_item_ending",
    "is_name",
    "is_policy_title",
    "is_table_rule",
    "is_title",
    "is_title_ending",
]

_MAX_TITLE = {True: 46, False: 100}  # characters, in Japanese and otherwise
_MAX_TITLE_WORDS = 14

_ENDED = re.compile(r"[.．。｡!！?？:：;；…]['\"’”)）\]］」』】*_]{0,4}$")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(（])(?:Inc|Ltd|Corp|Co|LLC|L\.L\.C|No|Nos|Art|Arts|Sec|e\.g|i\.e|vs|cf|etc|U\.S|U\.K"
    r"|Mr|Mrs|Ms|Dr|St|P\.O|approx|incl|dept|para|paras|pt)\.$"
)
_INNER_END = re.compile(r"。(?![)）」』]|\s*$)|[a-z]{3}[.!?]\s+[A-Z][a-z]* [a-z]")
_TABLE_RULE = re.compile(r"\|?[\s:|-]*-{2,}[\s:|-]*$")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(?:(?!\1).){1,100}\1[:：]?$")
_ENCLOSED = re.compile(
    r"(?:【[^】]+】|<[^>]+>|＜[^＞]+＞|≪[^≫]+≫|《[^》]+》|〈[^〉]+〉|［[^］]+］|\[[^\]]+\])$"
)
_ANCHOR = re.compile(r"\s?\{#[\w-]+\}$")
_POLICY = re.compile(
    r"privacy (?:policy|notice|statement)|プライバシー\s?・?ポリシー|個人情報(?:の)?(?:保護|取り?扱い?)",
    re.IGNORECASE,
)

_JA_POLITE = re.compile(r"(?:ます|です|ました|でした|ません|ください|下さい|ましょう)[)）」]?$")
_JA_CLAUSE = re.compile(
    r"(?:ます|です|ました|でした|ません|ください|下さい|である|する|した|いる|ある|される|られる"
    r"|ない|せん|ましょう|幸いです|とする|たい)[)）」]?$"
)
_JA_ITEM = re.compile(r"(?:場合|とき|ため|為|こと|もの|など|等|[るた](?:時|事|者|方法|目的))[)）]?$")
_JA_TITLE = re.compile(
    r"(?:について|に関して|に関する[^、。]{1,12}|ポリシー|方針|の取り?扱い|窓口|先|事項|はじめに|とは|規定|附則)$"
)
_CONTACT = re.compile(
    r"\bcontact|write to|mail to|お問い?合わ?せ|問合|窓口|連絡先|請求先|送付先|所在地",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"[0-9０-９元〇一二三四五六七八九十]\s?年\s?[0-9０-９〇一二三四五六七八九十]+\s?月"
    r"|^\W*(?:last |page |date )*(?:updated?|revised|modified|effective|last)\b"
    r"|[更改制施最].{0,4}日\s?[:：\s]"
    r"|\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.? \d"
    r"|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}",
    re.IGNORECASE,
)
_NO_TITLE = re.compile(
    # an address in the net, a copyright, a telephone number
    r"https?://|www\.|\S@\S|\[email|©|\(c\)|copyright|\btel[.:：\s]|\bfax\b|telephone|^電話|電話番号|_{4}"
    # a name or a seat of a company, a street
    r"|^〒|代表取締役|理事長|^(?:株式会社|有限会社|合同会社|一般社団法人|医療法人)"
    r"|(?:株式会社|有限会社|合同会社)$|[都道府県市区町村][^、。]*[0-9０-９]|丁目|番地"
    # a trail of links
    r"|\s[>＞›»|｜/／]\s|[▾▲↑↓]|(?:\S+\u3000+){2,}\S"
    r"|^\W*(?:back to|skip to|to top|on this page|ページ(?:トップ|の先頭)|トップへ|メニュー|本文へ|menu$)",
    re.IGNORECASE,
)
_POSTAL = re.compile(r"[0-9].*,|,.*[0-9]")
_DEFINITION = re.compile(
    r"(?!https?:)[^:：。.!?！？]{1,40}(?:[:：]\s?| [–—/] |[\s\u3000]*[／｜…][\s\u3000]*)[^\s]"
)
_KEY_VALUE = re.compile(r"(?!https?:)[^:：。.!?]{1,40}[:：]\s?[^\s]")
_NOT_DEFINITION = re.compile(r"^(?:please|we|you|if|when|for|note)\b", re.IGNORECASE)
_LEADS = re.compile(
    r"(?:以下|次|下記|左記)(?:の(?!よう)|に(?!つき)|は|を|へ|で|まで|[^。]{0,30}(?:とおり|通り))|[:：]$"
)
_EN_COLON_CLAUSE = re.compile(
    r"^(?:we|you|i|they|it|this|these|those|such|please|for|if|when|where|in|including|mostly|"
    r"examples?|some|the following|and|or|note)\b|\b(?:is|are|may|can|will|must|should|includes?|"
    r"has|have|do|does|following|store|means|applies|apply)\b|\b(?:to|by|at|with|from|of|for|that|as|on)$",
    re.IGNORECASE,
)
_EN_CLAUSE = re.compile(
    r"^(?:we|you|they|it|this|these|there|please|click|read|see|view|visit|call|thank)\b"
    r"|, (?:we|you|they|it|our)\b"
    r"|\b(?:is|are|was|were|may|can|will|must|should|has|have|asks?|uses)\b",
    re.IGNORECASE,
)
_EN_QUESTION = re.compile(r"(?:what|how|why|who|when|where|your|our)\b", re.IGNORECASE)


def is_ended(text: str) -> bool:
    """Whether a sentence ends here, or announces what follows ("…:")."""
    return bool(_ENDED.search(text[-8:])) and not ends_in_abbreviation(text)


def ends_in_abbreviation(text: str) -> bool:
    """Whether the last full stop may be an abbreviation's only ("… Inc.")."""
    return bool(_ABBREVIATION.search(text[-12:]))


def holds_sentence(text: str) -> bool:
    """Whether a sentence ends inside `text` and another one begins."""
    return bool(_INNER_END.search(text[:2000]))


def announces(text: str) -> bool:
    """Whether a sentence announces a list: "…:", 「次のとおりです。」."""
    return bool(_LEADS.search(text[-400:]))


def anchorless(text: str) -> str:
    """`text` without the anchor that some Markdown gives to headings ("Cookies {#cookies}")."""
    return _ANCHOR.sub("", text) if text.endswith("}") and len(text) <= 200 else text


def is_title(core: str, *, numbered: bool = False) -> bool:
    """Whether `core` could be a title: short, no sentence, no date, no address.

    A numbered one may end with a full stop ("5.1 Analytics.") or define itself.
    """
    japanese = bool(JAPANESE.search(core[:200]))
    if not core or len(core) > _MAX_TITLE[japanese] or _NO_TITLE.search(core) or _DATED.search(core):
        return False
    core = anchorless(core)
    if numbered:
        if not japanese and core.endswith(".") and len(core.split()) <= 6:
            core = core[:-1]
    elif not core.isupper() and (_KEY_VALUE.match(core) or (not japanese and _POSTAL.search(core))):
        return False
    if is_ended(core) and not core.endswith(("?", "？")):
        return False
    if japanese:
        return not (_JA_CLAUSE.search(core) or core.endswith("、") or "。" in core)
    words = core.split()
    if len(words) > _MAX_TITLE_WORDS or not any(c.isalpha() for c in core):
        return False
    if core.endswith("?"):
        return core[0].isupper() and ". " not in core
    return not _EN_CLAUSE.search(core) or bool(_EN_QUESTION.match(core))


def is_clause(text: str) -> bool:
    """Whether a Japanese line is a whole sentence that lacks its full stop (…ます)."""
    return bool(_JA_POLITE.search(text[-8:]))


def is_colon_title(text: str) -> bool:
    """Whether a line that ends with a colon names what follows ("Third parties:")."""
    core = text.rstrip(":： *_")
    if JAPANESE.search(core[:200]):
        clause = len(core) > 30 or _JA_CLAUSE.search(core) or _LEADS.search(core) or "例" in core
        return not clause
    words = core.split()
    named = len(words) <= 7 and "," not in core and core[:1].isupper()
    return named and not _EN_COLON_CLAUSE.search(core)


def is_capitals(text: str) -> bool:
    """PART ONE: YOUR RIGHTS"""
    letters = [c for c in text[:120] if c.isalpha()]
    return len(letters) >= 6 and text.isascii() and text.isupper() and len(text.split()) <= 12


def is_name(cell: str) -> bool:
    """Whether a table's cell could be a column's name."""
    ended = is_ended(cell) and not cell.endswith(("?", "？", ")", "）", "No."))
    return len(cell) <= 60 and not ended and not _NO_TITLE.search(cell) and not _DATED.search(cell)


def is_definition(text: str) -> bool:
    """Whether a line is of the form "Name: value", but for the dates of the document."""
    head = text[:120]
    return bool(_DEFINITION.match(head)) and not (_DATED.search(head) or _NOT_DEFINITION.match(head))


def is_brief(name: str) -> bool:
    """Whether an English line could be a title after a list without bullets."""
    return name[0].isupper() and not any(c.isdigit() for c in name) and len(name.split()) <= 8


def is_bold(text: str) -> bool:
    """**A line that is bold from end to end**"""
    return len(text) <= 110 and bool(_BOLD.match(text))


def is_enclosed(text: str) -> bool:
    """【A line in brackets】"""
    return len(text) <= 110 and bool(_ENCLOSED.match(text))


def is_table_rule(text: str) -> bool:
    """|---|:--:|"""
    return len(text) <= 400 and "|" in text and bool(_TABLE_RULE.match(text))


def is_contact(text: str) -> bool:
    """Whether a line speaks of a contact, so that an address may follow."""
    return bool(_CONTACT.search(text[-400:]))


def is_policy_title(text: str) -> bool:
    """Whether a line names a privacy policy as pages do in their title."""
    return bool(_POLICY.search(text[:200]))


def is_item_ending(text: str) -> bool:
    """Whether a Japanese line ends as the items of lists do (…場合, …ため)."""
    return bool(_JA_ITEM.search(text[-8:]))


def is_title_ending(text: str) -> bool:
    """Whether a Japanese line ends as titles do (…について)."""
    return bool(_JA_TITLE.search(text[-24:]))
