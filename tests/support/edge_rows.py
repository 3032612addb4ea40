"""Hand-made raw rows in the form of the Hub's Parquet, for every edge of `course-v1`.

Each row bends one thing. All else about it is sound, so that it lives as far as its edge allows and a wrong
treatment shows in its fate or its prompt. `store` names the edge, for a readable failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
CountTokens = Callable[[str], int]

STRINGS = pa.large_list(pa.large_string())
SCHEMA = pa.schema(
    {
        "main_category": pa.large_string(),
        "title": pa.large_string(),
        "average_rating": pa.float64(),
        "rating_number": pa.int64(),
        "features": STRINGS,
        "description": STRINGS,
        "price": pa.large_string(),
        "store": pa.large_string(),
        "categories": STRINGS,
        "details": pa.large_string(),
        "parent_asin": pa.large_string(),
    }
)

WORDS = (
    "sturdy steel hinge with brass pins for a café door and every older gate in the yard it opens wide "
    "stays put and makes no noise when the wind blows hard from the sea our smith cuts each plate by hand "
    "then sands the edge smooth so that small fingers stay safe a tin of grease four long screws plus one "
    "paper guide come in the box you may paint over it wash it leave it out in rain or snow and find it "
    "bright as new next spring größe über naïve "
).split()
LONG = " ".join(WORDS * 3)  # about 1,200 characters, far over 160 tokens
TITLE = "Folding bracket, brass"
FACTS = '{"Color": "Brass", "Material": "Steel"}'

# fmt: off
PRICES: tuple[str | None, ...] = (
    # what `float` takes, white space, underscores and foreign digits included
    " 12.99 ", "\t7\n", "\u00a012", "12\u3000", "\x0b8\x0c", "\x858", "\u20288\u2029", "+7", ".5", "5.",
    "+.5e1", "1_000", "1_0.5", "1_0_0", "1e1_0", "1e2", "1E2", "9.9949e2", "5e-1", "1e+1", "0000012",
    "00.50", "-5", "-0", "１２.５", "١٢", "१२.५", "𝟗𝟗", "-0.0", "0", "0.0", "1e400", "1e-400", "inf", "-inf",
    "Infinity", "+INF", "nan", "-nan", "NaN", "1" + "0" * 400, "0." + "0" * 400 + "1", "0" * 5000 + "25",
    "25." + "0" * 5000,
    # the ends of the range
    "0.5", "0.50", "0.49999", "0.4999999999999999999", "0.49999999999999994", "0.50000000000000001",
    "0.51", "999.49", "999.490000000000001", "999.4900000000001", "999.48999", "999.5", "999.50", "1000",
    # halves, which go to the even neighbour, and what is next to them
    "1.5", "2.5", "3.5", "4.5", "2.4999999999999999999", "2.5000000000000001", "2.500000000000001",
    "997.5", "998.5", "238.5", "239.5", "240.5", "239.50000000000001", "239.49", "1.005", "2.675",
    "1.115", "8.125", "12.345",
    # what `float` refuses
    "", None, "None", "nan%", "null", "$5", "1,299.00", "12,50", "0x10", "0b1", "1__0", "_1", "1_",
    "1_.5", "1._5", "1_e2", "1e", "e5", ".", "+", "+-5", "--5", "5f", "5d", "5L", "5j", "1 2", "1\u00a02",
    "12.99abc", "from 14.61", "—", "−5", "5\x00", "\x005", "\u200b5", "\u180e5", "\ufeff5", "²", "½", "Ⅷ",
    "三", "１２．５", "1.2.3", " ", "\n", "infin", "in f",
    # white space to `\s` and to `str.strip`, but not to `float`
    "\x1c8", "8\x1f", "\u30008\x1e", "\x1d8\xa0",
)
# fmt: on

# Python's white space: everything `\s` takes in a str pattern
WHITESPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
NOT_WHITESPACE = "\u180e\u200b\u200c\u200d\u2060\ufeff\x00\x08\x0e\x1b\x7f\x80\x84\x86\xad\u2800\u3164"
# `str.isdigit` takes those of the first line; the last two became digits with Unicode 15 and 16
DIGITS = "7²₃①⑨⓪➀٣۴९௧９𝟗𝟘🄀፩\U0001fbf5\U0001e4f5\U00016d75"
NOT_DIGITS = "½⅞Ⅷ三十௰⑩⑳㊀〇𐄇፲"

COMMAS = (
    " , , ,",
    ",,,,",
    ", ,",
    ",,,,,,,,,",
    "a , b ,, c ,,, d ,,,, e ,,,,, f",
    "a ,, b , ,, c ,, , d",
    "a, ,b,\u00a0,c,:,d,[,]e",
    ",",
    ", a",
    "a ,",
    "a , 1234567 , b",
    ",,1234567,, x",
    "1234567 ,8",
    "12345 ,6",
)

DETAILS: tuple[tuple[str, str | None], ...] = (
    ("empty", ""),
    ("braces", "{}"),
    ("null", None),
    ("the word null", "null"),
    ("only batteries included no", '"Batteries Included?": "No"'),
    ("only batteries included yes", '"Batteries Included?": "Yes"'),
    ("only batteries required no", '"Batteries Required?": "No"'),
    ("only batteries required yes", '"Batteries Required?": "Yes"'),
    ("only By Manufacturer", "By Manufacturer"),
    ("only Item", "Item"),
    ("only Date First", "Date First"),
    ("only Package", "Package"),
    ("only a colon", ":"),
    ("only Number of", "Number of"),
    ("only Best Sellers", "Best Sellers"),
    ("only Number", "Number"),
    ("only Product and space", "Product "),
    ("Product without space", "Product"),
    ("one space", " "),
    ("one newline", "\n"),
    ("everything deleted", ":::ItemItemPackage:Date FirstNumber ofNumberBest SellersProduct By Manufacturer"),
    ("batteries without the space", '"Batteries Included?":"No"'),
    ("batteries lower case", '"batteries included?": "no"'),
    ("batteries maybe", '"Batteries Included?": "Not"'),
    (
        "batteries run together",
        '"Batteries Included?": "No""Batteries Included?": "Yes""Batteries Required?": "No"',
    ),
    ("batteries in an object", '{"Batteries Included?": "No", "Batteries Required?": "Yes", "Color": "Red"}'),
    ("batteries nested in themselves", '"Batteries "Batteries Included?": "No"Included?": "No" after'),
    ("no makes yes", '"Batteries Included?": "Y"Batteries Included?": "No"es" after'),
    ("yes makes no, too late", '"Batteries Included?": "N"Batteries Included?": "Yes"o" after'),
    (
        "a later removal makes an earlier one",
        '"Batteries Item Included?": "No" and By PackageManufacturer and I:tem',
    ),
    (
        "an earlier removal makes a later one",
        "NItemumber PackNumberage PackItemage Best ItemSellers ProdItemuct x",
    ),
    (
        "a colon makes Number of",
        "Num:ber of screws Number: of nuts Best: Sellers: now Prod:uct x Product: x Pack:age I:tem",
    ),
    ("Number of makes Number", "NumNumber ofber left"),
    ("Number makes Product", "ProNumberduct left ProductNumber  left"),
    ("itself makes itself", "ItItemem PackPackageage NumNumberber of Product Product Product  x"),
    ("overlaps", "ItemItemItem NumberNumber of Number ofof Number Number of DateDate First FirstDate First"),
    (
        "plural and inside words",
        "Items Itemized Packaged Numbers Numbering Products ByManufacturer Date Firstly",
    ),
    ("lower case", "item number of package product best sellers date first by manufacturer"),
    (
        "escapes",
        r'{"Size": "3\" x 5\"", "Path": "C:\\tools\\bin", "Uni": "caf\u00e9 \u201cquote\u201d \ud83d\ude00"}',
    ),
    ("non-ASCII", '{"Größe": "12 cm", "色": "赤", "Ⅷ": "½"}'),
    ("nested object", '{"Best Sellers Rank": {"Tools": 12, "Hinges": 3}, "Number of Items": [1, 2, null]}'),
    ("empty key", '{"": "Brass", "Item Package Quantity": "1", "Date First Available": "May 1, 2020"}'),
    ("not JSON", '{"Color": "Red", '),
    ("a removal over two fields", '{"x": "Date", "First": "y", "Product": "z", "Product Care": "w"}'),
    ("a colon joins a special token", "Code <|eot:_id|> and <|end:oftext|> and <|eot_Itemid|> end"),
    ("the batteries pair without its colon", '"Batteries Included?" "No" "Batteries Included?:" "No"'),
)

SNIPPETS: tuple[tuple[str, str], ...] = (
    ("brackets", '[a] {b} "c" 【d】 : e ::: f [[[]]] {{}} ""'),
    ("other brackets stay", "(a) <b> ‘c’ “d” 「e」 『f』 〔g〕 ［h］ ｛i｝ ：j ＂k"),
    ("brackets inside words", 'x[y]z a:b c"d e{f}g 【h】i'),
    ("digits split by a colon", "12345:6789 123456:7 ab:1234567 1234567:ab"),
    ("bracket joins then digit", 'Model[ABC123456] "B0123456" {77777} [1234567]'),
    ("words of six and seven", "abcde1 abcdef1 abcdefg 1abcdef 123456 1234567 12,345 1,234,5 a1,b2,c"),
    ("words of six and seven, two bytes", "ééééé1 éééééé1 ñññññ² ññññññ²"),
    ("words of six and seven, three bytes", "日本語日本1 日本語日本語1 日1 １２３４５６ １２３４５６７"),
    ("words of six and seven, four bytes", "😀😀😀😀😀1 😀😀😀😀😀😀1 𝟗𝟗𝟗𝟗𝟗𝟗 𝟗𝟗𝟗𝟗𝟗𝟗𝟗"),
    (
        "combining characters count",
        "abcd1e\u0301 abcd1e e\u0301e\u0301e\u03011 e\u0301e\u03011 a\u0301\u0302\u0303\u0304\u03051",
    ),
    (
        "emoji sequences count",
        "👨\u200d👩\u200d👧\u200d👦1 👍🏽1 1\ufe0f\u20e3 12345\ufe0f\u20e3 🇫🇷🇩🇪🇯🇵1 🏴\U000e0067\U000e007f1",
    ),
    ("zero-width makes a word long", "abc\u200b\u200b\u200b1 abc\u200b\u200b1 123\ufeff456 123456\u00ad"),
    (
        "hyphens and slashes",
        "12-inch 4x4x8 1/2 3/4-inch 10mm x 20mm USB-C3.1 2.4GHz 5.8GHz AC1200 (12345) (123456) #1234567",
    ),
    ("NUL bytes", "a\x00b \x00 \x00c 12345\x00 123456\x00 \x00\x00"),
    ("control characters", "a\x01b\x02 \x08c\x1bd \x7fe \x80f\x84 \x86g\x9f"),
    ("U+FFFD", "caf\ufffd \ufffd \ufffd\ufffd a\ufffdb 12345\ufffd 123456\ufffd"),
    ("non-characters", "a\uffffb \ufffe \U0010ffff x\ue000y"),
    ("mojibake", "itâ€™s a cafÃ© Â\u00a0 Ã© ï¿½ donâ\x80\x99t"),
    ("right to left", "מפתח ברגים 12 ס״מ مفتاح ربط ١٢٣٤٥٦٧ \u200f\u202eabc\u202c ٣٤٥ ۱۲۳۴۵۶۷"),
    ("Indic", "दरवाज़ा १२३४५६७ कब्ज़ा தமிழ் ௧௨௩௪௫௬௭ ไทย ๑๒๓๔๕๖๗"),
    ("capitals that change length", "ıİſßŉǰΐ K Å ﬁ ﬃ"),
    ("decomposed and composed", "\u00e9 e\u0301 \u1e9b\u0323 \uac01 \u1100\u1161\u11a8 \u212b"),
    ("HTML", '<br/>a<p class="x">b</p> &amp; &#39; &nbsp; <b>1234567</b> <script>alert(1)</script>'),
    ("price prefix", "Price is $12 here Price is $ there"),
    ("price prefix spread", 'Price is [$] "Price" is: $ Price  is\t$9 Price\nis $'),
    ("nearest dollar", "rounded to the nearest dollar or to the nearest dollars, to the nearest dollar"),
    ("nearest dollar spread", "rounded to  the\nnearest\tdollar"),
    ("the question", "How much does this cost to the nearest dollar? How much"),
    ("backslashes", r"a\nb \\ \" \u00e9 C:\tools \d+ $1 ${x} %s {0}"),
    (
        "special tokens of Llama 3",
        "a <|begin_of_text|> b<|eot_id|>c <|end_of_text|> <|start_header_id|>user<|end_header_id|>",
    ),
    (
        "special tokens with a digit",
        "<|reserved_special_token_0|> x<|reserved_special_token_1|> <|reserved_special_token_2",
    ),
    (
        "special tokens of GPT",
        "a <|endoftext|> b<|endofprompt|>c <|fim_prefix|> <|im_start|>x<|im_end|> <s> </s> [INST]",
    ),
    (
        "special tokens broken up",
        "<|begin_of_ text|> <|eot _id|> <|eot:id|> <| eot_id |> <|eot_id> |eot_id|> <|EOT_ID|>",
    ),
    ("special tokens in a row", "<|eot_id|><|eot_id|> <|eot_id|> <|begin_of_text|><|end_of_text|>"),
    ("contractions", "it's IT'S we'LL I'm 'tis 's 'S don’t they'Ve"),
    ("punctuation runs", "!!! ??? ... …… --- ___ *** ### $$$ /// \\\\\\ ~~~ ;;; ((())) '''"),
    ("tabs and blank lines", "a\n\nb\n \n c\t\t\td\r\n\r\ne  f"),
    ("long word", "x" * 700 + " after"),
    ("long word with a digit", "y" * 700 + "7 after"),
    ("only digits words", "1234567 " * 60),
)

# fmt: off
ENDINGS = (
    ".", "!!!", ")", "…", "。", "-", ",", "?!", "'", "'s", "’", "”", "/", "\\", "$", "$.", "#", "|", "_",
    "™", "Price is $", " 7", " 99", " 12345", " ½", " ²", "é", "e\u0301", "日", "👍", "👍🏽", "\u200b",
    "\ufeff", "\u180e", "\x00", "\x1b", "\ufffd", "<|eot_id|>", "<|endoftext|>",
)
# fmt: on


def edge_rows(count_tokens: CountTokens) -> list[Row]:
    """Make the rows.

    `count_tokens` gives the tokens of a text under the recipe's tokenizer, without adding special tokens.
    """
    rows = [*_price_rows(), *_scrub_rows(), *_title_rows()]
    rows += [*_details_rows(count_tokens), *_null_rows(count_tokens)]
    rows += [*_length_rows(count_tokens), *_token_rows(count_tokens), *_split_character_rows(count_tokens)]
    categories = ("Tools", "Automotive", None, "", "Électronique")
    for number, row in enumerate(rows):
        row["parent_asin"] = f"E{number:09d}"
        row["main_category"] = categories[number % len(categories)]
    rows.append({**_row("no identity"), "main_category": None, "parent_asin": None})
    return rows


def edge_table(rows: list[Row]) -> pa.Table:
    """The rows as an Arrow table with the types of the Hub's Parquet."""
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _row(edge: str, **changes: Any) -> Row:
    """A sound row with some columns changed."""
    row: Row = {
        "main_category": "Tools",
        "title": TITLE,
        "average_rating": 4.5,
        "rating_number": 12,
        "features": ["rust free", "fits most doors"],
        "description": [LONG],
        "price": "12.99",
        "store": edge,
        "categories": ["Tools", "Hinges"],
        "details": FACTS,
        "parent_asin": None,
    }
    unknown = changes.keys() - row.keys()
    if unknown:
        message = f"no such column: {sorted(unknown)}"
        raise KeyError(message)
    return row | changes


def _price_rows() -> Iterator[Row]:
    for price in PRICES:
        yield _row(f"price {ascii(price)[:40]}", price=price)


def _scrub_rows() -> Iterator[Row]:
    """Snippets in the title, and at the start of the description, where no cut can hide them."""
    for name, snippet in SNIPPETS:
        yield _row(f"{name}, in the text", description=[f"{snippet} {LONG}"])
        yield _row(f"{name}, in the title", title=snippet)
    for commas in COMMAS:
        yield _row(f"commas {commas!r}", title=commas, description=[f"{commas} {LONG}", commas])
    for space in WHITESPACE:
        text = f"a{space}b {space} c{space}{space}d 1234{space}5678 12345{space},6 {LONG}"
        yield _row(f"white space U+{ord(space):04X}", title=f"{space}x{space}y{space}", description=[space + text])
    for space in NOT_WHITESPACE:
        text = f"a{space}b {space} c{space}{space}d 1234{space}5678 1234{space},6 {LONG}"
        yield _row(
            f"not white space U+{ord(space):04X}",
            title=f"{space}x{space}y{space}",
            description=[space + text],
        )
    for digit in DIGITS + NOT_DIGITS:
        text = f"abcde{digit} abcdef{digit} {digit}bcdef {digit}bcdefg abc{digit}defg {digit * 6} {digit * 7} "
        yield _row(f"digit U+{ord(digit):04X}", title=f"T abcdef{digit} u", description=[text + LONG])


def _details_rows(count_tokens: CountTokens) -> Iterator[Row]:
    """Details after a text that barely suffices, before a long one, and deciding over the length."""
    body = _body(count_tokens, 151, title=TITLE)
    for name, details in DETAILS:
        yield _row(f"details {name}, at the end", description=[body], features=[], details=details)
        yield _row(f"details {name}, in front", description=[], features=[], details=f"{details or ''} {LONG}")
    for name, details in DETAILS[:19]:
        # 299 characters and their newline: the newline of the details decides
        yield _row(f"length by details {name}", description=[_dense(299)], features=[], details=details)
    long = '{"Item": "' + LONG + '", "Number of Items": "1"}'
    yield _row("details alone, null lists", description=None, features=None, details=long)
    yield _row("details of many colons", description=[body], features=[], details=":" * 2000)
    # enough before the deletions, too little after them
    yield _row("details long but deleted", description=["short"], features=[], details="Item" * 400)


def _null_rows(count_tokens: CountTokens) -> Iterator[Row]:
    body = _body(count_tokens, 151, title=TITLE)
    for name, strings in (
        ("null list", None),
        ("empty list", []),
        ("one null", [None]),
        ("two nulls", [None, None]),
        ("one empty string", [""]),
        ("two empty strings", ["", ""]),
        ("null between", ["first", None, "last"]),
        ("null before", [None, "last"]),
        ("null after", ["first", None]),
        ("newlines only", ["\n", "\n"]),
        ("many elements", ["part", " part", "part ", ""] * 20),
    ):
        yield _row(f"description {name}", description=strings, features=[LONG])
        yield _row(f"features {name}", features=strings, description=[body])
        # a joined list that is not empty brings its newline: 298 + newline + what the list adds
        yield _row(f"length by features {name}", description=[_dense(298)], features=strings, details="")
    yield _row("all null", title=None, description=None, features=None, details=None)
    yield _row("all null, no price", title=None, description=None, features=None, details=None, price=None)


def _title_rows() -> Iterator[Row]:
    for name, title in (
        ("null", None),
        ("empty", ""),
        ("space", " "),
        ("scrubbed to nothing", ' [:] "{}" 【】\u3000\x1f'),
        ("only a digit word", "B0123456789"),
        ("only digit words", "[B0123456789] 1234567 {12345678}"),
        ("digit words between", "a 1234567 b 1234567 1234567 c"),
        ("newline first", "\nTitle"),
        ("newlines inside", "Two\nlines\r\nof\n\ntitle\n"),
        ("commas first", ",,, Title"),
        ("comma after a space first", " , Title"),
        ("a comma", ","),
        ("question", "How much does this cost to the nearest dollar?"),
        ("price prefix alone", "Price is $"),
        ("very long", LONG * 85),
        ("very long word", "w" * 100_000),
        ("very long digit word", "w" * 100_000 + "1"),
        ("very long emoji", "👍" * 2_000),
        ("very long white space", " " * 100_000 + "end"),
        ("very long commas", "a " + ", " * 20_000 + "end"),
    ):
        yield _row(f"title {name}", title=title)
    yield _row("long text", description=[LONG * 85], features=[LONG] * 20)
    yield _row("long white space before the text", description=[" " * 1100 + LONG])


def _dense(length: int, *, alphabet: str = "xyz7") -> str:
    """So many code points with about two tokens in every three, so that 300 make more than 150 tokens."""
    text = "".join(f"{alphabet[number % len(alphabet)]}{number * 7 % 10} " for number in range(length // 3 + 1))
    return text[: length - 1] + "k"


def _body(count_tokens: CountTokens, target: int, *, title: str, before: str = "", end: str = "") -> str:
    """Words up to exactly `target` tokens with title and newline, or as near below as the end allows."""
    source = WORDS * 4

    def text(length: int, *more: str) -> str:
        return " ".join([*([before] if before else []), *source[:length], *more]) + end

    def count(length: int, *more: str) -> int:
        return count_tokens(f"{title}\n{text(length, *more)}")

    length, over = 0, len(source)
    while over - length > 1:
        middle = (length + over) // 2
        length, over = (middle, over) if count(middle) <= target else (length, middle)
    for more in ((), ("a",), ("to",), ("go", "up"), ("at", "it"), ("x", "y", "z")):
        for fewer in range(3):
            if count(length - fewer, *more) == target:
                return text(length - fewer, *more)
    return text(length)


def _length_rows(count_tokens: CountTokens) -> Iterator[Row]:
    """Contents of an exact number of code points, around both limits."""
    for length in (299, 300, 301, 302):
        for name, alphabet in (
            ("ASCII", "xyz7"),
            ("two bytes", "éñß7"),
            ("three bytes", "日本語字"),
            ("four bytes", "😀👍🎈𝟗"),
        ):
            # the description's newline counts
            text = _dense(length - 1, alphabet=alphabet)
            yield _row(f"{length} of {name}", description=[text], features=[], details=None)
        yield _row(
            f"{length} in three parts",
            description=[_dense(length - 14)],
            features=["feat"],
            details="detai:ls",
        )
        yield _row(
            f"{length} in white space",
            description=[_dense(200) + " " * (length - 201)],
            features=[],
            details="",
        )
    for length in (1119, 1120, 1121, 1122, 1130):
        for name, filler, tail in (
            ("ASCII", ":", "uvwxyz"),
            ("multi-byte", "\u3000", "éñ日本😀🎈"),
            ("a digit word that the cut shortens", " ", "abcdef7gh"),
            ("a digit word that loses its digit", " ", "abcdefg7"),
            ("a comma at the cut", " ", "ab ,, ,cd"),
            ("white space at the cut", "]", "ab\x1c\x1c\x1ccd"),
            ("combining at the cut", " ", "abe\u0301e\u0301e\u0301"),
            ("special token at the cut", " ", "<|eot_id|>"),
        ):
            # few enough tokens that none is cut, so that the end of the contents shows in the prompt
            body = _body(count_tokens, 151, title=TITLE)
            pad = length - 1 - len(body) - len(tail) - 1
            text = f"{body} {filler * pad}{tail}"
            yield _row(f"{length}, {name}", description=[text], features=[], details=None)
    body = _body(count_tokens, 151, title=TITLE)
    for start in range(1108, 1122, 2):
        # the details begin near the cut: their deletions come first, the cut then
        text = body + " " * (start - 1 - len(body))
        yield _row(
            f"details from {start}",
            description=[text],
            features=[],
            details="Item: Number of pins: Product x: 12",
        )
        features = body[:40] + " " * (start - 1 - len(body)) + body[40:]
        yield _row(
            f"features to {start}",
            description=[],
            features=[features],
            details="Package: Date First: tail end",
        )


def _token_rows(count_tokens: CountTokens) -> Iterator[Row]:
    """Texts of an exact number of tokens, around both limits, and with every kind of ending."""
    for target in (149, 150, 151, 152, 159, 160, 161, 162, 170):
        yield _row(
            f"{target} tokens",
            description=[_body(count_tokens, target, title=TITLE)],
            features=[],
            details="",
        )
        title = "Café №1 door, 日本 👍"
        text = _body(count_tokens, target, title=title, before="naïve “quote” 日本語 ½")
        yield _row(f"{target} tokens, multi-byte", title=title, description=[text], features=[], details=None)
        text = _body(count_tokens, target, title="", before="no title")
        yield _row(f"{target} tokens, no title", title="[ ]", description=[text], features=[], details=None)
    for end in ENDINGS:
        for target in (155, 160, 161):
            text = _body(count_tokens, target, title=TITLE, end=end)
            yield _row(f"{target} tokens ending {end!r}", description=[text], features=[], details=None)
    pieces = ("!", ".", "- ", "(", "<|eot_id|>", "\u200b", "\x00", "$ ", "😀", "…")
    for run in (piece * 60 for piece in pieces):
        # a long run across the 160th token
        text = _body(count_tokens, 152, title=TITLE)
        yield _row(f"cut inside {run[:10]!r}", description=[f"{text} {run}"], features=[], details=None)
        yield _row(f"cut inside {run[:10]!r}, glued", description=[f"{text}{run}"], features=[], details=None)


def _split_character_rows(count_tokens: CountTokens) -> Iterator[Row]:
    """Characters of several tokens at every place around the cut, so that it falls inside some of them."""
    flag = "🏴\U000e0067\U000e0062"
    for character in ("🫨", "𠮷", "龘", "𒀱", "ꙮ", flag, "\u0947\u0331", "𝕏", "\U0010fffd", "☕\ufe0f"):
        for target in (155, 156, 157, 158, 159):
            text = _body(count_tokens, target, title=TITLE)
            text = f"{text} {character * 6}"
            yield _row(f"{character!a} after {target} tokens", description=[text], features=[], details=None)
