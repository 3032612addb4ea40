"""What the demo catalogue sells: twelve categories with shelves, nouns, materials, sizes, uses and parts.

Lists are written as one string, parted by semicolons. `name:number` gives a noun its usual price in USD,
and a material or a size its factor on that price, so that a product's words really say what it costs. All
of it is invented or everyday language; nothing comes from a real listing.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """One category: `name` is its `main_category`, `top` the first of its `categories`."""

    name: str
    top: str
    group: str  # which sentences, titles and details suit it: goods, powered, wear, care or book
    weight: float  # relative number of rows
    shelves: dict[str, str]  # second level of `categories` -> nouns with their usual price
    materials: str
    sizes: str
    uses: str
    parts: str


SHELVES: tuple[Category, ...] = (
    Category(
        "Automotive",
        "Automotive",
        "goods",
        1.2,
        {
            "Interior Accessories": "seat cover:32; floor mat set:38; steering wheel wrap:15; trunk "
            "organizer:24; sun shade:16; cup holder tray:13; headrest hook:9; "
            "console liner:17",
            "Exterior Accessories": "mud flap pair:27; roof rack bar:92; license plate frame:14; door edge "
            "guard:15; rain visor set:44; tow hook cover:12",
            "Replacement Parts": "brake pad kit:41; cabin air filter:14; wiper blade pair:19; ignition coil:36; "
            "radiator hose:28; fuel pump assembly:88; wheel bearing hub:66; alternator:165",
            "Tools & Equipment": "tire inflator:39; socket adapter:12; trailer jack:74; oil drain pan:21; "
            "battery tester:46; scissor ramp pair:118",
        },
        "rubber:0.9; vulcanized rubber:1.1; ABS plastic:0.85; forged steel:1.3; aluminum alloy:1.25; "
        "nylon mesh:0.9; carbon fiber:1.7; neoprene:1.05; galvanized steel:1.15; leatherette:1.1",
        "Compact Car:0.9; Mid-Size Sedan:1; Full-Size SUV:1.2; Crew Cab:1.3; 12 Inch:0.9; 18 Inch:1.05; 24 Inch:1.2",
        "long road trips; gravel driveways; winter commutes; weekend towing; muddy trailheads; school "
        "runs; delivery routes; rooftop camping; salted highways; parking garage nights; oil changes at "
        "home; farm lanes; rainy motorways; track days; ferry crossings; boat ramps",
        "mounting bracket; anti-slip backing; quick-release clip; sealing lip; reinforced seam; bolt "
        "pattern; pre-drilled flange; grommet edge; wiring pigtail; dust boot; retaining strap; threaded "
        "insert",
    ),
    Category(
        "Tools & Home Improvement",
        "Tools & Home Improvement",
        "goods",
        1.2,
        {
            "Power & Hand Tools": "cordless drill:69; ratchet set:47; claw hammer:22; spirit level:18; bench "
            "vise:64; orbital sander:58; pry bar:16; chisel set:35; miter saw "
            "stand:139",
            "Hardware": "cabinet hinge:8; drawer slide pair:21; gate latch:17; toggle bolt kit:11; shelf "
            "bracket:13; door closer:43; hex screw assortment:15",
            "Lighting & Electrical": "pendant light:54; dimmer switch:23; junction box cover:6; "
            "under-cabinet lamp:31; extension reel:49; porch sconce:62",
            "Kitchen & Bath Fixtures": "kitchen faucet:119; shower head:36; basin drain:19; towel bar:25; "
            "pressure valve:41; vessel sink:148",
        },
        "chrome vanadium steel:1.3; stainless steel:1.2; zinc alloy:0.9; solid brass:1.45; hardened "
        "steel:1.15; fiberglass:1.05; cast iron:1.2; polypropylene:0.75; anodized aluminum:1.15; beech "
        "wood:1",
        "4 Inch:0.8; 8 Inch:0.95; 10 Inch:1; 16 Inch:1.15; 3/8 in:0.9; 1/2 in:1; 3/4 in:1.1",
        "attic conversions; fence repairs; furniture assembly; bathroom refits; deck building; drywall "
        "patching; workshop benches; rental turnovers; crawl space jobs; garden sheds; cabinet installs; "
        "concrete anchoring; plumbing call-outs; model making; barn doors; stairwell renovations",
        "knurled handle; locking collar; magnetic tip; depth gauge; cushioned grip; hardened jaw; ceramic "
        "cartridge; mounting plate; torsion spring; calibrated dial; hex shank; belt hook",
    ),
    Category(
        "Cell Phones & Accessories",
        "Cell Phones & Accessories",
        "powered",
        1.1,
        {
            "Cases & Covers": "phone case:14; wallet case:19; bumper frame:12; flip cover:16; waterproof "
            "pouch:13; rugged holster:22",
            "Chargers & Power": "wall charger:17; charging cable:9; power bank:29; wireless charging pad:24; "
            "car charger:15; solar charger:42; battery pack case:48",
            "Mounts & Stands": "dash mount:18; desk stand:14; tripod clamp:21; ring grip:8; bike phone "
            "holder:20; selfie stick:16",
            "Unlocked Phones": "feature phone:39; rugged smartphone:229; refurbished smartphone:289; "
            "folding smartphone:689; senior phone:58",
        },
        "thermoplastic polyurethane:0.9; polycarbonate:0.95; vegan leather:1.15; genuine leather:1.5; "
        "brushed aluminum:1.3; liquid silicone:1; tempered glass:1.05; braided nylon:1.1; aramid fiber:1.8",
        "5.4 Inch:0.95; 6.1 Inch:1; 6.7 Inch:1.1; 3 ft:0.85; 6 ft:1; 10 ft:1.15",
        "commuter trains; video calls; mountain biking; beach days; warehouse shifts; hands-free "
        "navigation; late-night reading; concert filming; airport layovers; conference demos; gym "
        "sessions; road mapping; kitchen recipes; street photography; fishing trips; classroom projects",
        "raised bezel; port cutout; kickstand; magnet array; lanyard loop; status light; braided jacket; "
        "card slot; shock-absorbing corner; textured side rail; strain relief; swivel joint",
    ),
    Category(
        "Toys & Games",
        "Toys & Games",
        "goods",
        1.1,
        {
            "Building Toys": "marble run:34; magnetic tile set:41; wooden block set:27; gear puzzle:22; "
            "brick castle kit:59; robot kit:72",
            "Games & Puzzles": "jigsaw puzzle:16; card game:12; board game:29; dice tower:24; memory game:14; "
            "travel chess set:19; strategy game:47",
            "Dolls & Figures": "plush fox:18; rag doll:23; action figure:17; hand puppet:13; dollhouse:109; "
            "collectible dragon figure:39; doll stroller:33",
            "Outdoor Play": "stomp rocket:17; sandbox set:21; kite:15; balance bike:79; water table:68; "
            "bubble machine:22",
        },
        "birch plywood:1.2; recycled plastic:0.9; organic cotton:1.15; food-grade silicone:1; "
        "thick cardboard:0.75; non-toxic ABS:0.95; short-pile plush:0.9; beechwood:1.25; die-cast metal:1.3",
        "24 Pieces:0.75; 60 Pieces:0.95; 100 Pieces:1; 250 Pieces:1.2; 500 Pieces:1.4; 1000 Pieces:1.6; 8 Inch:0.9",
        "birthday parties; rainy afternoons; preschool corners; family game nights; long car rides; "
        "sibling play; therapy sessions; holiday stockings; backyard adventures; after-school clubs; "
        "pretend picnics; early counting lessons; bedtime stories; grandparent visits; science fairs; "
        "sleepovers",
        "rounded corner; snap-together joint; illustrated rule sheet; storage pouch; rattle insert; score "
        "pad; stitched face; spinner wheel; rubber wheel; launch base; peg board; hidden pocket",
    ),
    Category(
        "Appliances",
        "Appliances",
        "powered",
        0.5,
        {
            "Parts & Accessories": "refrigerator water filter:29; dryer drum belt:14; oven igniter:27; "
            "dishwasher rack wheel kit:11; washer drain pump:38; ice maker "
            "assembly:94; range control knob:16; lint screen:13; door gasket:46; "
            "burner drip pan set:19",
            "Small Kitchen Appliances": "rice cooker:49; waffle iron:36; hand blender:41; electric "
            "kettle:34; toaster oven:89; espresso machine:249; food "
            "dehydrator:78; stand mixer:219",
            "Laundry": "garment steamer:44; portable washer:169; spin dryer:189; wrinkle press:59",
            "Cooling & Air": "tower fan:72; wine cooler:389; portable ice maker:139; mini fridge:179; "
            "window air conditioner:299; chest freezer:419",
        },
        "stainless steel:1.25; heat-resistant plastic:0.85; porcelain enamel:1.1; die-cast aluminum:1.3; "
        "borosilicate glass:1.2; food-safe silicone:0.95; powder-coated steel:1.05; activated carbon:0.9",
        "1 Quart:0.7; 2 Quart:0.85; 4 Quart:1; 6 Quart:1.2; 1.7 Cu Ft:1.1; 3.3 Cu Ft:1.35; 24 Inch:1.15",
        "studio apartments; big Sunday breakfasts; dorm rooms; batch cooking; holiday baking; camper "
        "vans; office pantries; shared laundry rooms; summer heat waves; meal prep; garage kitchens; "
        "small bakeries; cabin weekends; landlord repairs; coffee corners; family dinners",
        "heating element; drip tray; control board; thermal fuse; removable basket; cool-touch handle; "
        "motor mount; crisper seal; detachable cord; indicator lamp; leveling foot; mesh filter",
    ),
    Category(
        "Musical Instruments",
        "Musical Instruments",
        "goods",
        0.6,
        {
            "Guitars & Strings": "acoustic guitar:149; electric bass:229; ukulele:54; guitar capo:13; string "
            "set:11; guitar strap:19; tuning peg set:24; archtop guitar:489",
            "Drums & Percussion": "cajon:99; snare drum:129; practice pad:27; cymbal stand:46; shaker pair:12; "
            "tongue drum:63; drum key:7",
            "Keyboards & Recording": "stage piano:549; midi controller:109; audio interface:139; condenser "
            "microphone:79; sustain pedal:22; studio monitor pair:199",
            "Wind & Orchestral": "student clarinet:189; alto recorder:26; violin bow:44; rosin cake:9; "
            "mouthpiece:31; reed box:21; cello case:159; harmonica:25",
        },
        "solid spruce:1.4; laminated mahogany:1; maple:1.15; rosewood:1.5; nickel-plated brass:1.2; "
        "phosphor bronze:1.1; padded nylon:0.85; ABS resin:0.75; walnut:1.25; ebony:1.6",
        "1/2 Size:0.85; 3/4 Size:0.95; Full Size:1.1; 21 Inch:0.8; 36 Inch:0.95; 41 Inch:1.1; 61 Keys:1.2",
        "open mic nights; bedroom recording; school bands; worship teams; busking; orchestra rehearsals; "
        "first lessons; songwriting retreats; wedding gigs; drum circles; podcast intros; jazz combos; "
        "campfire evenings; studio overdubs; marching season; silent practice",
        "truss rod; bone nut; tuning machine; bridge saddle; felt damper; gig bag pocket; die-cast hinge; "
        "thumb rest; gold-plated jack; adjustable snare; cork joint; fret marker",
    ),
    Category(
        "Office Products",
        "Office Products",
        "goods",
        1.0,
        {
            "Writing & Paper": "gel pen set:11; fountain pen:34; spiral notebook:9; sticky note cube:7; "
            "index card box:12; highlighter set:9; graph paper pad:10; dotted journal:17",
            "Desk Organization": "file sorter:21; monitor riser:36; pencil cup:10; letter tray:18; cable "
            "box:19; desk pad:20; key cabinet:44",
            "Machines & Supplies": "toner cartridge:52; label tape:13; laminating pouch pack:16; paper "
            "shredder:84; thermal label printer:129; desktop calculator:18; ink "
            "cartridge:27",
            "Office Furniture": "mesh task chair:159; standing desk converter:139; filing cabinet:129; foot "
            "rest:33; rolling cart:69; conference table:439; whiteboard easel:89",
        },
        "recycled paper:0.85; powder-coated steel:1.15; bamboo:1.1; frosted acrylic:1; polypropylene:0.8; "
        "bonded leather:1.3; cold-rolled steel:1.25; heavy cardstock:0.85; walnut veneer:1.35",
        "A4:1; A5:0.85; Letter Size:1; Legal Size:1.1; 3 x 5 Inch:0.75; 24 x 36 Inch:1.4; 48 Inch:1.5",
        "home offices; tax season; classroom planning; reception desks; shipping stations; exam revision; "
        "bullet journaling; board meetings; craft rooms; invoice filing; open-plan studios; library carrels; "
        "remote interviews; warehouse labeling; thesis writing; co-working tables",
        "tab divider; perforated edge; non-skid foot; locking caster; ink window; elastic closure; cable "
        "cutout; label holder; lumbar support; hanging rail; gusseted pocket; ribbon marker",
    ),
    Category(
        "All Electronics",
        "Electronics",
        "powered",
        1.3,
        {
            "Audio": "wireless earbuds:36; over-ear headphones:68; bluetooth speaker:43; soundbar:119; phono "
            "preamp:54; clock radio:27; turntable:149; in-ear monitor:79",
            "Computer Accessories": "usb hub:21; mechanical keyboard:69; laptop sleeve:18; webcam:39; "
            "wireless mouse:22; external drive enclosure:26; gaming laptop:879; mini "
            "computer:259; docking station:129; memory card:19",
            "Camera & Video": "camera bag:37; lens filter:24; action camera:139; tripod head:59; ring light:33; "
            "security camera:49; prime lens:329; binoculars:88",
            "Television & Cables": "hdmi cable:11; tv wall mount:35; indoor antenna:23; universal remote:14; "
            "streaming stick:38; mini projector:109; flat-screen television:349; "
            "coaxial splitter:9",
        },
        "matte ABS:0.85; aluminum unibody:1.35; soft-touch silicone:0.95; braided nylon:1.05; magnesium "
        "alloy:1.5; tempered glass:1.1; polycarbonate:0.9; ripstop fabric:1; walnut housing:1.45",
        "32 GB:0.75; 128 GB:1; 512 GB:1.45; 10 Inch:0.9; 15.6 Inch:1.1; 43 Inch:1.4; 6 ft:0.8; 25 ft:1.05",
        "movie marathons; remote meetings; late-night gaming; vinyl listening; backyard screenings; dorm "
        "setups; podcast recording; wildlife watching; travel vlogs; workshop radios; product "
        "photography; streaming nights; baby monitoring; library study; conference rooms; van life",
        "noise-isolating tip; detachable cable; thermal vent; rubberized base; volume dial; folding hinge; "
        "mounting thread; gold-plated contact; status display; lens cap; charging cradle; ventilated shell",
    ),
    Category(
        "AMAZON FASHION",
        "Clothing, Shoes & Jewelry",
        "wear",
        2.2,
        {
            "Women": "wrap dress:33; knit cardigan:36; pleated skirt:28; ankle boot:58; tote handbag:41; "
            "lounge set:34; silk scarf:22; yoga legging:24; strappy sandal:31",
            "Men": "oxford shirt:32; chino short:27; leather belt:24; canvas sneaker:44; fleece vest:35; "
            "bow tie:13; hiking boot:84; rain jacket:69; boxer brief pack:19",
            "Jewelry & Watches": "pendant necklace:18; hoop earring pair:14; charm bracelet:21; quartz "
            "watch:57; signet ring:26; automatic watch:239; pearl stud pair:29; "
            "anniversary ring:319",
            "Kids & Baby": "toddler romper:17; school backpack:28; rain boot:23; pajama set:19; swim trunk:15; "
            "knit beanie:11; tutu dress:21; sherpa hoodie:26",
        },
        "combed cotton:1; merino wool:1.5; polyester blend:0.8; full-grain leather:1.7; linen:1.2; "
        "viscose:0.9; sterling silver:1.6; stretch denim:1.05; mulberry silk:1.8; cotton jersey:0.9; "
        "gold-plated brass:1.1",
        "X-Small:0.97; Small:0.98; Medium:1; Large:1; X-Large:1.03; XX-Large:1.06; 7 M US:1; 9 M US:1; One Size:0.95",
        "garden weddings; casual Fridays; city weekends; holiday dinners; beach walks; office days; "
        "school dances; early runs; date nights; autumn hikes; graduation photos; cruise evenings; brunch "
        "plans; festival fields; lazy Sundays; winter markets",
        "ribbed cuff; side pocket; adjustable strap; hidden zipper; padded footbed; lobster clasp; "
        "elastic waistband; notched lapel; curved hem; interior lining; flat seam; drawstring hood",
    ),
    Category(
        "Amazon Home",
        "Home & Kitchen",
        "goods",
        1.8,
        {
            "Bedding": "duvet cover set:48; memory pillow:32; weighted blanket:57; fitted sheet:24; mattress "
            "topper:109; quilt set:64; bolster cushion:26",
            "Kitchen & Dining": "chef knife:37; mixing bowl set:31; cast skillet:39; tea infuser:11; spice "
            "rack:29; stoneware mug:14; cutting board:25; dutch oven:79; pie dish:19; "
            "dinnerware set:92",
            "Home Décor": "wall clock:28; throw pillow cover:13; floor vase:46; picture frame:18; scented "
            "candle:19; area rug:119; macrame hanging:24; table runner:17; wall tapestry:22",
            "Storage & Furniture": "storage basket:23; shoe bench:84; nightstand:98; closet hanger set:18; "
            "bookcase:149; bar stool pair:169; sectional sofa:799; under-bed bin:27",
        },
        "brushed microfiber:0.8; long-staple cotton:1.2; acacia wood:1.25; stoneware:1.05; seagrass:0.95; "
        "enameled iron:1.35; bamboo viscose:1.1; solid oak:1.6; tempered glass:1; jute:0.85; recycled "
        "polyester:0.9",
        "Twin:0.85; Full:0.95; Queen:1.1; King:1.25; 12 x 12 Inch:0.8; 18 x 18 Inch:0.95; 5 x 7 ft:1.4; 32 oz:0.85",
        "guest bedrooms; holiday tables; reading nooks; narrow hallways; first apartments; Sunday roasts; "
        "open shelving; patio suppers; nursery corners; farmhouse kitchens; slow mornings; rental bathrooms; "
        "lake houses; dinner parties; entryways; tea breaks",
        "hidden zipper; deep pocket corner; riveted handle; non-slip base; piped edge; glazed rim; "
        "hanging loop; dovetail joint; tasseled trim; removable lid; felt foot; inner lining",
    ),
    Category(
        "All Beauty",
        "Beauty & Personal Care",
        "care",
        1.0,
        {
            "Skin Care": "night cream:24; vitamin serum:21; clay mask:16; cleansing balm:19; eye gel:18; "
            "facial toner:15; retinol lotion:33; sun stick:14",
            "Hair Care": "argan shampoo:17; leave-in conditioner:15; curl cream:16; scalp brush:9; lace wig:89; "
            "hair clip set:8; ponytail extension:27; flat iron:49",
            "Makeup": "matte lipstick:11; eyeshadow palette:23; brow pencil:8; setting powder:14; makeup "
            "brush set:19; false lash kit:12; liquid foundation:22",
            "Bath & Nails": "bath bomb set:18; body scrub:16; gel polish kit:29; cuticle oil:9; loofah pad:7; "
            "beard balm:13; nail lamp:34; perfume oil:38",
        },
        "shea butter:1.1; aloe vera:0.9; jojoba oil:1.15; rose water:1; bamboo charcoal:0.95; hyaluronic "
        "acid:1.3; marula oil:1.4; oat extract:0.85; green tea extract:0.95; squalane:1.35; "
        "bakuchiol:1.6",
        "0.5 oz:0.75; 1 oz:0.9; 1.7 oz:1; 4 oz:1.1; 8.5 oz:1.2; 16 oz:1.4; 32 oz:1.6",
        "dry winter skin; humid summers; morning routines; bridal looks; travel kits; sensitive noses; "
        "curly days; weekend spa hours; stage makeup; post-workout showers; gift baskets; barber shops; "
        "mature skin; color-treated hair; photo shoots; quick touch-ups",
        "pump top; fine mist nozzle; frosted jar; spatula; tapered bristle; mirror lid; twist-up base; "
        "dropper cap; sealed sachet; travel tin; heat shield; adjustable comb",
    ),
    Category(
        "Books",
        "Books",
        "book",
        1.3,
        {
            "Literature & Fiction": "novel:14; short story collection:13; mystery:12; family saga:15; "
            "fantasy epic:17; romance:9; verse novel:12",
            "Cookbooks & Crafts": "cookbook:22; baking guide:19; knitting manual:18; woodworking primer:24; "
            "garden almanac:17; sketching course:16",
            "Children's Books": "picture book:9; sticker book:8; bedtime reader:10; chapter book:8; letter book:9",
            "Reference & Textbooks": "field guide:21; study workbook:26; statistics textbook:89; bone "
            "atlas:74; travel guide:18; grammar handbook:23; history survey:32; "
            "mechanics handbook:129",
        },
        "Paperback:1; Hardcover:1.5; Mass Market Paperback:0.6; Spiral-bound:1.15; Board Book:0.8; "
        "Library Binding:1.8; Large Print:1.25; Audio CD:1.4; Leather Bound:2.6",
        "96 pages:0.75; 160 pages:0.85; 224 pages:0.95; 288 pages:1; 352 pages:1.05; 416 pages:1.15; 608 pages:1.4",
        "quiet harbors; forgotten railways; mountain villages; small gardens; bread and patience; river "
        "crossings; late apprenticeships; stubborn families; night skies; island kitchens; lost letters; "
        "first winters; city rooftops; honest numbers; wandering musicians; borrowed houses",
        "fold-out map; glossary; index of names; set of exercises; foreword; appendix; reading list; "
        "timeline; recipe chart; color plate section; answer key; chapter summary",
    ),
)
"""The categories of the catalogue, with what each sells."""
