"""Everyday words that every category shares, and the invented brand and author names."""


def split(text: str) -> list[str]:
    """Return the phrases of a semicolon-parted list."""
    return [phrase.strip() for phrase in text.split(";")]


def weighted(text: str) -> list[tuple[str, float]]:
    """Return the (phrase, number) pairs of a list such as `"linen:1.2; viscose:0.9"`."""
    pairs = (phrase.rpartition(":") for phrase in split(text))
    return [(name, float(number)) for name, _, number in pairs]


POOLS: dict[str, list[str]] = {
    "adj": split(
        "sturdy; slim; practical; quiet; bold; simple; reliable; soft; clever; balanced; timeless; light; "
        "dense; smooth; rugged; handy; polished; bright; compact; generous; warm; crisp; modest; "
        "thoughtful; subtle; rounded; modern; classic; playful; tidy; resilient; flexible; snug; breezy; "
        "cheerful; neat; weatherproof; fuss-free; lively; streamlined; well-made; hard-wearing; "
        "pocket-friendly; dependable; careful; gentle; precise; fresh; seamless; low-profile; two-tone; "
        "hand-finished; space-saving; tear-resistant; scratch-proof; long-lasting; roomy; sleek"
    ),
    "adv": split(
        "easily; quickly; neatly; quietly; safely; comfortably; evenly; firmly; without effort; in "
        "seconds; day after day; season after season; with one hand; straight away; almost silently; more "
        "smoothly; with confidence; at any angle; year round; on the first try; without tools; in one "
        "motion; under pressure; with less mess"
    ),
    "who": split(
        "beginners; busy parents; teachers; students; collectors; nurses; weekend hobbyists; apartment "
        "dwellers; couples; grandparents; frequent travelers; night-shift workers; small business owners; "
        "roommates; newlyweds; seniors; teenagers; neighbors; gift givers; minimalists; professionals; "
        "left-handed users; first-time buyers; coaches; freelancers; volunteers; commuters; caregivers; "
        "homeowners; tinkerers; perfectionists; large families"
    ),
    "place": split(
        "the garage; a small flat; the workshop; a hotel room; the back porch; a crowded shelf; the "
        "classroom; the cabin; a carry-on bag; the basement; a sunny balcony; the studio; a moving van; "
        "the break room; a closet; the lake; a busy counter; the front desk; the spare room; a rented "
        "house; the market stall; the campsite; a narrow drawer; the waiting room; the hallway; a shared "
        "office; the boat; the backyard; a toolbox; the glove compartment"
    ),
    "time": split(
        "every morning; on weekends; after work; all summer; through the holidays; during exam week; at "
        "night; before breakfast; between meetings; on rainy days; all year; in the colder months; after "
        "school; at lunch; on short notice; at the end of a long day; every other week; for years; from "
        "the first day; on the move"
    ),
    "virtue": split(
        "steady results; everyday comfort; lasting value; a clean finish; honest quality; a secure fit; "
        "less clutter; better balance; peace of mind; a relaxed feel; quick setup; fewer replacements; a "
        "professional look; real warmth; consistent color; strong grip; good manners; room to grow; a "
        "smaller footprint; simple upkeep; quiet confidence; a longer life; fewer surprises; smooth "
        "handling; extra reach; a calmer routine; solid support; careful detail"
    ),
    "chore": split(
        "wiping it down; packing it away; putting it together; switching it out; carrying it upstairs; "
        "lending it out; sharing it with guests; storing it flat; finding a spot for it; wrapping it as a "
        "present; getting started; keeping it clean; passing it on; reaching for it; sorting the pieces; "
        "checking the fit; reading the leaflet; sending it back; adjusting it; explaining it to others"
    ),
    "flaw": split(
        "cracking; fading; slipping; rattling; stretching; tangling; peeling; rusting; warping; pilling; "
        "scratching; leaking; wobbling; chipping; snagging; squeaking; yellowing; bending; fraying; "
        "staining"
    ),
    "maker": split(
        "our design team; a family workshop; two old friends; a small crew of engineers; the people "
        "behind the bench; a third-generation maker; our testers; an independent studio; the founders; a "
        "patient craftsman; our customer panel; a retired machinist; the sample room; a group of parents; "
        "local suppliers"
    ),
    "head": split(
        "Easy Care; Thoughtful Design; Made to Last; What You Get; Perfect Fit; Great Gift Idea; Wide "
        "Compatibility; Comfort First; Premium Quality; Simple Setup; Safe Materials; Multi Purpose; "
        "Space Saver; Versatile Use; Worry-Free Purchase; Upgraded Version; Attention to Detail; Everyday "
        "Hero; Clean Lines; Strong and Light; Ready to Use; Size Information; Handy Features; Excellent "
        "Finish; Customer Care; Travel Ready; Warm Tip; Long Lasting; Package Includes; Better Grip; "
        "Tested Quality; Smart Storage; Kind Note; Fine Texture"
    ),
    "trait": split(
        "Portable; Lightweight; Adjustable; Waterproof; Foldable; Reusable; Washable; Heavy Duty; Non "
        "Slip; Durable; Fade Resistant; Odor Free; Stackable; Hypoallergenic; Shock Resistant; Easy to "
        "Install; Reversible; Eco Friendly"
    ),
    "country": split("China; China; China; USA; Taiwan; India; Vietnam; Germany; Italy; Mexico; Japan; Turkey; Canada"),
    "month": split("January; February; March; April; May; June; July; August; September; October; November; December"),
    "wunit": split("Ounces; Ounces; ounces; Pounds; pounds; Grams"),
    "thing": split(
        "Lantern; Orchard; Ferry; Clockmaker; Almanac; Tide; Cartographer; Sparrow; Kitchen; Bridge; "
        "Winter; Beekeeper; Archive; Harbor; Violin; Attic; Meadow; Compass; Salt Road; Weaver; Railway; "
        "Letter; Glasshouse; Fox; Well; Horizon; Quarry; Ledger; Garden; Storm; Apprentice; Mirror; Hill; "
        "Thread; Juniper; Piano; Island; Ember"
    ),
    "press": split(
        "Halfmoon & Quill; Tallow Street Press; Brindle House; Northlight Editions; Wren and Ladder; "
        "Cobble Lane Books; Marrow Hill; Ninth Harbor Press; Inkwell & Daughters; Saltmarsh Academic; "
        "Plumb Line Publishing; Elderbook"
    ),
}
"""Words by slot. Adjectives start with a consonant sound, so that `a {adj}` is always right."""

COLORS = split(
    "Black; White; Navy; Charcoal; Forest Green; Burgundy; Sand; Slate Gray; Sky Blue; Coral; Mustard; "
    "Ivory; Rose Gold; Teal; Olive; Lavender; Red; Copper; Mint; Chocolate; Silver; Royal Blue; Blush "
    "Pink; Pewter; Turquoise; Clear; Matte Black; Plum; Khaki; Tangerine; Walnut Brown; Pearl White; "
    "Smoke; Lime; Indigo; Champagne"
)
"""Colours of variants."""

GRADES: list[tuple[str, float]] = [
    *[("", 1.0)] * 5,
    ("Mini ", 0.72),
    ("Basic ", 0.78),
    ("Classic ", 1.0),
    ("Deluxe ", 1.25),
    ("Premium ", 1.35),
    ("Professional ", 1.6),
    ("Heavy Duty ", 1.3),
    ("Vintage ", 1.1),
    ("Portable ", 0.95),
    ("Luxury ", 1.75),
    ("Upgraded ", 1.1),
]
"""How a word in the title moves the price: (word, factor); the empty ones are the most frequent."""

PACKS = [2, 3, 4, 5, 6, 8, 10, 12, 20, 24, 50, 100]
"""Items in a pack."""

_STARTS = split(
    "Vel; Kor; Bram; Tis; Nor; Quil; Dax; Fen; Hal; Jor; Lum; Mar; Ost; Pel; Ruv; Sel; Tor; Ulm; Wex; "
    "Yar; Zin; Ark; Bel; Cad; Dro; Eld; Fol; Gri; Hux; Ivo; Kest; Lor; Mip; Nul; Orb; Pras; Quo; Riv; "
    "Sto; Tam; Urd; Vos; Wyn; Xan"
)
_ENDS = split(
    "dano; mere; wick; lio; tex; ora; hav; nix; field; umo; bru; sen; vane; gard; ique; olt; mark; iso; "
    "zell; bay; ford; una; crest; pik; eto; lund; arro; wood; ette; kin"
)
_TAILS = [*[""] * 4, " Supply", " & Sons", " Home", " Works", "é", " Co.", " Gear", "+", " Studio", " Direct"]
_FIRST = split(
    "Mirelle; Oskar; Tamsin; Ilja; Corwin; Bettine; Anselm; Priya; Lazlo; Noor; Hedda; Tobiah; Sunniva; "
    "Emeka; Wilhelmina"
)
_LAST = split(
    "Halvast; Quillane; Dromgold; Vesterby; Okonta; Brambleton; Saarnio; Petrosk; Lindquell; Ashgrove; Tremayle"
)


def brands(count: int) -> list[str]:
    """Return `count` different invented brand names."""
    names: dict[str, None] = {}
    step = 0
    while len(names) < count:
        name = _STARTS[step * 7 % len(_STARTS)] + _ENDS[(step * 11 + step // 44) % len(_ENDS)]
        names[name + _TAILS[step * 5 % len(_TAILS)]] = None
        step += 1
    return list(names)


def authors(count: int) -> list[str]:
    """Return `count` different invented author names (at most 165)."""
    return [f"{_FIRST[i % len(_FIRST)]} {_LAST[i % len(_LAST)]}" for i in range(count)]
