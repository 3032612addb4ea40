"""The sentence templates of the demo catalogue, one a line.

`{noun}`, `{brand}` and other names of one product hold the same word all over its row; `{adj}`, `{use}` and
other pool slots are drawn anew each time they occur. `{adj1}` and `{adj2}` draw from the two halves of a
pool, so that they never give the same word. Which names exist is told in `render.py` and `words.py`.
"""

ANY_GOODS = """
The {part} gives the {noun} {virtue} that you will notice {time}.
Made of {mat}, the {noun} resists {flaw1} and {flaw2} even after {n} months of {use}.
Whether you need help with {use1} or {use2}, the {noun} from {brand} handles both {adv}.
A {adj1} shape and a {adj2} finish let it sit well in {place}.
We designed the {part} for {who}, who asked us for {virtue} rather than extra weight.
Fits {place} and still leaves room for {n} other things.
{brand} checks each {noun} for {flaw} before it leaves the floor.
The {colour} tone looks {adj1} by day and {adj2} in the evening.
Ideal for {use}, and just as welcome when you think of {who}.
It takes about {n} minutes to get used to the {part}, and then everything works {adv}.
Our {noun} was drawn by {maker} to bring {virtue} to {use}.
Thanks to the {adj} {part}, {chore} is done {adv}.
Many {who} told us that {flaw} ruined their last one, so we chose {mat} instead.
Use it {time} in {place}; the {part} will hold up {adv}.
A {adj} present for {who}, especially those who love {use}.
Size is {size}, measured by hand, so please allow {n} mm of difference.
You get one {noun}, a {adj} {part} and a short leaflet in {n} languages.
{mat} keeps its shape {time}, unlike cheaper versions that suffer from {flaw}.
If {chore} has ever cost you {n} minutes, you will enjoy how {adj} the {part} is.
From {use1} to {use2}, it offers {virtue} without taking over {place}.
The {adj} surface can be cleaned {adv} with a damp cloth and a drop of soap.
{who} like the {adj} look, while {maker} insisted on {virtue}.
Keep one in {place} and another for {use}.
Every {part} is tested {n} times so that {flaw} stays a thing of the past.
Not sure about {size}? Compare it with what you use for {use} today.
{brand} combines {virtue1} with {virtue2}, which matters most {time}.
Please note that the {colour} version may look more {adj} on some screens.
With {n} small changes since last year, including a new {part}, it suits {who} better.
Good for {use1}, {use2} and anything else that happens {time}.
The {mat} body feels {adj} in the hand and shrugs off {flaw}.
Simple to store: folded or flat, it slides into {place} {adv}.
The {part1} and the {part2} work together for {virtue}.
Say goodbye to {flaw1} and {flaw2} during {use}.
We use {mat} because {who} deserve {virtue} {time}.
Built around a {adj1} {part}, the {noun} stays {adj2} through {use}.
{chore} takes less effort since {maker} moved the {part} by {n} mm.
Order the {size} option for {place}, or a larger one for {who}.
It has been our answer to {flaw} ever since {maker} tried it for {use}.
Expect {virtue}: the {part} is {adj1}, the edges are {adj2}, and nothing needs more than what is listed.
You can rely on {brand} for {use}, {time} and in all weathers.
Works {adv} in {place}, where {who} usually struggle with {flaw}.
Each {noun} is packed by hand with a spare {part} for {use}.
The {adj} balance between {mat} and the {part} brings {virtue} to {who}.
Tip from {maker}: rinse the {part} {time} to prevent {flaw}.
No more {chore} before {use}; simply open the box and begin.
What sets the {brand} {noun} apart is the {part}, shaped for {use} and tested by {who}.
It weighs so little that {who} can carry it to {place} {adv}.
After {n} washes, trips or drops the {mat} still shows no {flaw}.
""".strip().splitlines()
"""Sentences about anything."""

POWERED = """
The {noun} starts {adv} and draws less than {n} watts while idle.
A soft light on the {part} tells you {adv} when everything is ready for {use}.
Up to {n} hours of runtime cover {use1} as well as {use2}.
Over-voltage, over-current and short-circuit protection keep the {noun} safe in {place}.
Pairing takes {n} seconds, and the {part} remembers the last device {adv}.
Low noise below {n} dB means that {who} can rest while it works in {place}.
The cord is {n} inches long, enough for {place} and for {use}.
Replace the {part} every {n} weeks for {virtue}.
Compatible with most models made since 20{z2}, which covers nearly everything {who} own.
Set the timer to {n} minutes, close the {part} and get on with {use}.
Our lab ran the {noun} for {n} days without a pause and saw no {flaw}.
Firmware updates arrive {time} and improve {virtue}.
An input of 1{z2} volts is fine, so {who} may take it to {place}.
Heat leaves through the {part}, which keeps the {mat} cool during {use}.
""".strip().splitlines()
"""Sentences about what runs on electricity."""

WEAR = """
The {mat} feels {adj} against the skin and breathes {adv} on warm days.
Pair it with something {adj} for {use1}, or dress it up for {use2}.
Runs true to size; {who} between sizes should choose the larger for {virtue}.
Our model is 5 ft {n} and wears {size} in {colour}.
Machine wash cold, hang to dry and keep away from {flaw}.
The {part1} and the {part2} add a {adj} touch to the {noun}.
The {colour} dye is fixed {adv}, so there is no {flaw} after {n} washes.
Cut for movement: the {part} sits {adv} whether you sit, walk or dance.
{brand} sews each {part} twice to prevent {flaw} at the seams.
A {adj} layer for {use} that packs {adv} into {place}.
Hand wash with like colors and reshape the {part} while damp.
The fit is {adj1} at the shoulder and {adj2} below, as {who} prefer.
""".strip().splitlines()
"""Sentences about clothes."""

CARE = """
Smooth a small amount on clean skin {time} and let it sit for {n} minutes.
Blended with {mat}, it leaves a {adj} feel without residue.
Free from parabens, sulfates and {n} other things that {who} avoid.
The {part} releases just enough for {use}, so a pack lasts {n} weeks.
Its {adj} scent fades {adv} and never fights with perfume.
Suitable for {who}; please test on the inner arm before {use}.
Formulated by {maker} with {mat} for {virtue} {time}.
Not tested on animals, and the {part} can be refilled {adv}.
Use it before {use1} and again after {use2} for {virtue}.
Stylists keep the {noun} in {place} because it works {adv} under hot lights.
A {adj1} texture that turns {adj2} within {n} seconds.
Store below {n} degrees and close the {part} after use.
""".strip().splitlines()
"""Sentences about what is put on skin or hair."""

BOOK = """
In this {adj} {noun}, {brand} follows {n} people through {use} and back again.
What begins {time} in {place} becomes a {adj} account of {use}.
The {part1} and the {part2} make it easy to return to {use} whenever you like.
Readers who enjoy {use1} and {use2} will feel at home on every page.
Written for {who}, it asks what {virtue} means when everything else changes.
{brand} spent {n} years in {place} collecting notes about {use}.
Each of the {n} chapters ends with one more {part} that {who} can use {adv}.
The story opens with {flaw}, a locked door and a {adj} stranger who knows about {use}.
By turns {adj1} and {adj2}, these pages bring {virtue} to {use}.
Includes one {part}, {n} drawings and advice from {maker}.
It is a {adj} companion for {use}, best read {time}.
Nothing here is out of reach for {who}: the explanations are {adj} and the examples short.
The {noun} moves {adv} between {use1} and {use2}, and never loses its {adj} voice.
First printed in a run of {n} copies, it has since found {who} everywhere.
A {adj} look at {use} by someone who knows {chore} from experience.
Teachers can print the {part} and use it {time} with {who}.
Two sisters, {n} suitcases and a {adj} secret lead from {place} to {use}.
This edition adds the {part1}, a revised {part2} and larger type.
Its lessons on {use} are {adj1}, its humor {adj2}, and its heart in the right place.
With patience and {virtue}, {brand} turns {chore} into literature.
Perfect for {who} who read {time} and dislike loose ends.
Every recipe, rule or route was tried by {maker} before it earned its page.
The author lives near {place} with {n} chickens and writes about {use}.
You will find {n} exercises on {use}, each with a worked answer and its own {part}.
When {who} lose what they love, {use} becomes the only way home.
The {part} at the back explains the {adj} words used for {use}.
Critics called the earlier volume {adj1}; this one is {adj2} and far more generous.
Here is {use} as you have never seen it: {adj}, a little strange, and full of {virtue}.
The binding is {mat}, sewn to open {adv} in {place}.
Half memoir, half manual, it shows {who} how {use} can lead to {virtue}.
From the opening scene in {place} to the last {part}, the pace stays {adj}.
Short sections of {n} minutes each suit {who} who study {time}.
A map, the {part} and {n} photographs accompany the journey through {use}.
The questions at the end invite {who} to talk about {flaw}, luck and {use}.
""".strip().splitlines()
"""Sentences about books, music and films."""

SENTENCES: dict[str, list[str]] = {
    "goods": ANY_GOODS,
    "powered": ANY_GOODS + POWERED,
    "wear": ANY_GOODS + WEAR,
    "care": ANY_GOODS + CARE,
    "book": BOOK,
}
"""The sentences that suit each group of categories."""

_GOODS_TITLES = """
{brand} {grade}{Noun}, {Mat}, {Size}, {colour}{pack}
{brand} {grade}{Noun} for {Use} - {Mat} with {Part} ({colour}){pack}
{brand} {model} {grade}{Noun} {Size} {colour}{pack}
{grade}{Noun} by {brand}, {Trait} {Mat} for {Use}, {Size}{pack}, {colour}
{Trait} {Noun} {Mat} {Size} {colour} {grade}for {Use}{pack}
{brand} {grade}{Noun}{pack} {colour} with {Part}, {Trait1} and {Trait2}, for {Who}
{brand} - {grade}{Noun} ({Size}, {colour}){pack}
{grade}{Noun} {model}, {Trait} {Part} Replacement for {Use}{pack} {colour}
{brand} {Noun}{pack}
""".strip().splitlines()

TITLES: dict[str, list[str]] = {
    "goods": _GOODS_TITLES,
    "powered": _GOODS_TITLES,
    "wear": """
{brand} {grade}{Noun} {Mat} {Trait} {colour}, {Size}
{brand} Women's {grade}{Noun} for {Use}, {colour}, {Size}{pack}
{brand} Men's {grade}{Noun} with {Part} {colour} {Size}
{grade}{Noun} in {Mat} by {brand} ({colour}, {Size}){pack}
{brand} {model} {grade}{Noun} - {colour}
{brand} Unisex {grade}{Noun}, {Trait} {Mat} with {Part} for {Who}, {colour}
""".strip().splitlines(),
    "care": """
{brand} {grade}{Noun} with {Mat}, {Size}{pack}
{brand} {grade}{Noun} for {Use} - {Mat} and {Part} - {Size}, {colour}{pack}
{grade}{Noun} {Trait} {Mat} for {Who} ({Size}, {colour}){pack}
{brand} {Noun} No. {n} {colour}{pack}
{brand} {grade}{Noun}, {Size}, for {Use}{pack} {model}
""".strip().splitlines(),
    "book": """
The {thing} and the {thing}: A {Noun}
The {thing1} of {Use}
{Use}: A {Noun} for {Who}
The {thing1} and the {thing2} ({Mat})
A {Noun} of {Use}, Volume {n}
The {Adj} {thing}: {Use} and {Use2} ({Mat}, {Size})
""".strip().splitlines(),
}
"""The forms of titles of each group of categories."""

SHOP_TEXTS = [
    " ".join(paragraph.split())
    for paragraph in """
Thank you for visiting our store. All parcels leave our warehouse within two working days and travel with
tracking. If anything about your order is not as you hoped, write to us through the order page before you
leave feedback, and our service team will answer within one day, weekends included. We offer a full exchange
within thirty days, provided that the goods are unused and still in the bag in which they arrived.

About us: we are a small company that has packed orders from the same building since 1998. Our colors are
photographed in daylight, yet every monitor shows them a little differently. Measurements are taken by hand
and may differ by a finger's width. Returns are free for the first month; keep the label, fill in the slip
and hand the box to any carrier. Wholesale requests are welcome and are answered by the owner in person.

LIMITED WARRANTY. The seller warrants this merchandise to be free from defects in workmanship for a period
of twelve months from the date of delivery. This warranty does not cover ordinary wear, misuse,
modification, or damage in transit that was not reported within seven days. The sole remedy is repair or
replacement at the discretion of the seller. Some states do not allow such exclusions, so they may not apply
to you.

Before you buy, please check the model and the measurements against what you already own. Questions? Our
helpline is staffed by people, not by recordings, from nine to five on weekdays. We plant one tree for every
hundred parcels and use paper tape only. If a part is missing, send us a picture and we post it the same day
at no cost. Happy customers are the reason why we have been here for a decade.

Kind reminder: the accessories shown beside the main article are props and are not part of the delivery.
Keep small parts away from children under three. Due to manual work there may be tiny marks that do not
affect function. We value your opinion; when you are satisfied, a few words help other shoppers, and when
you are not, we would like the chance to put things right within twenty-four hours of your message.

Our promise to you: authentic goods, sealed packaging, and an invoice in every box. Orders placed before
noon ship on the same day from one of four regional depots. International parcels may be held at customs,
and duties are paid by the recipient. Should your parcel be late, contact the help desk with its number and
we will follow it up with the carrier, refund the postage, or send a second one on our account.
""".split("\n\n")
]
"""Shop paragraphs that some sellers paste into every listing, whatever it sells."""
