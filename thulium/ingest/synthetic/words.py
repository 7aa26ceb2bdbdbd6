"""The word lists of the synthetic lines: our own choosing, in the manner of archives of 1650 to 1900."""

from __future__ import annotations


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MALE = _split("""
Adam Albrecht Alexander Ambrose André Anselm Anton Arthur August Baptiste Benoît Bernard Caspar Charles Clément Conrad
Cuthbert Daniel David Dietrich Edmund Edward Émile Ernst Étienne Felix Francis François Franz Friedrich Gabriel Georg
George Gérard Giles Gottfried Gustav Hans Heinrich Henry Hubert Hugh Isaac Jacob Jacques James Jérôme Johann John
Jonas Jörg Joseph Josué Karl Kaspar Konrad Lambert Laurence Leonhard Louis Ludwig Lukas Luke Martin Mathias Matthew
Maurice Melchior Michael Moritz Nathaniel Nicholas Noël Oliver Oswald Otto Paul Peter Philipp Pierre Quentin Ralph
Raphaël René Richard Robert Rudolf Samuel Sebastian Simon Stephen Théodore Thomas Ulrich Urban Valentin Victor Vincent
Walter Wilhelm William Xaver Yves Zacharias
""")

FEMALE = _split("""
Adelheid Agatha Agnès Alice Amélie Anna Apollonia Barbara Béatrice Brigitta Caroline Catherine Cécile Charlotte Clara
Dorothea Édith Eleanor Elisabeth Emma Esther Eva Frances Françoise Geneviève Gertrud Grace Hannah Hélène Henriette
Isabel Jane Jeanne Johanna Josephine Judith Juliane Katharina Käthe Kunigunde Louise Lucy Lydia Magdalena Margaret
Margarethe Maria Marie Martha Mary Mathilde Noémie Ottilie Pauline Philippa Quirina Rachel Rebecca Regina Rosina Ruth
Sabina Sarah Sophie Susanna Thérèse Ursula Veronika Victoire Walburga Winifred Yvonne Zoë
""")

SURNAMES = _split("""
Ackermann Aldous Ashby Bächtold Bauer Bäumler Beaumont Béranger Blanchard Böhm Bonnet Brandt Brooke Bürgi Carpenter
Chevalier Cœurderoy Coxwell Crabtree Dubois Dürr Eberle Eckhart Eßer Fairfax Fischer Fletcher Fournier Frank Fröhlich
Garnier Gauthier Geßner Götz Grünwald Gutknecht Hadley Haller Harrow Hawkins Höfer Holloway Hürlimann Huxley Jäger
Jobst Joyce Kaufmann Keller Kingsley König Kraft Küng Lacroix Lambton Langley Lebœuf Lefèvre Löffler Lorenz Marchand
Maxwell Meßmer Mercier Meyer Mühlebach Müller Nägeli Norwood Nußbaum Oakley Oberholzer Öhler Österle Palmer Pelletier
Perrault Pfister Prévost Quarles Quick Quiller Rawlins Renaud Richter Rößler Rousseau Roux Saunders Schäfer Schmid
Schröder Schütz Stäubli Strauß Taylor Thévenot Trautmann Tübner Übel Underhill Unwin Voß Vogel Walker Weber Weiß
Wexford Whitlock Wüthrich Yardley Young Yule Zeller Ziegler Zürcher Zwingli
""")

PLACES = _split("""
Aarau Alençon Altdorf Amiens Ansbach Augsburg Avignon Bâle Bamberg Basel Bath Bayreuth Beauvais Berne Besançon Bristol
Burgdorf Cambridge Canterbury Châlons Chur Colmar Constance Coventry Dijon Döbeln Dresden Düren Durham Einsiedeln
Évreux Exeter Freiburg Fürth Genève Gießen Gloucester Göppingen Görlitz Grenoble Halifax Hexham Hull Ipswich Jena
Kempten Kilkenny Köln Langres Leipzig Lindau London Lübeck Lucerne Luzern Mâcon Meißen Metz Mülhausen München Nantes
Neuchâtel Nîmes Norwich Nürnberg Öhringen Orléans Oxford Passau Poitiers Quedlinburg Quimper Ravensburg Rochester
Rouen Saint-Malo Salisbury Schwyz Sedan Solothurn Speyer Stäfa Stratford Thônes Tours Tübingen Überlingen Übersee
Uffenheim Ulm Uri Vandœuvre Verdun Vevey Whitby Winterthur Worms Würzburg Xanten York Yverdon Zug Zürich
""")

TRADES = _split("""
apothecary baker barber basket-maker blacksmith bookbinder brewer butcher carpenter carter chandler clerk clothier
cobbler cook cooper currier cutler draper dyer farmer ferryman fisherman founder fuller furrier gardener glazier
glover goldsmith grocer gunsmith hatter innkeeper joiner labourer locksmith maltster mason mercer midwife miller
musician nailer notary ostler painter parson physician plumber potter printer ropemaker saddler schoolmaster sexton
shepherd shoemaker smith soldier spinner stonecutter surgeon tailor tanner thatcher tiler turner vintner watchmaker
weaver wheelwright
""")

MONTHS = _split("""
January February March April May June July August September October November December
""")

SHORT_MONTHS = _split("""
Jan. Feb. Mar. Apr. Aug. Sept. Oct. Nov. Dec. 7ber 8ber 9ber Xber
""")

DAYS = _split("""
Monday Tuesday Wednesday Thursday Friday Saturday Sunday Michaelmas Whitsun Easter Epiphany Lady-day
""")

GOODS = _split("""
ale almonds apples barley beans beef beeswax bricks butter candles canvas charcoal cheese cider cinnamon cloth cloves
coal copper currants flax flour ginger glue gravel hay hemp herrings honey hops ink iron lard lead leather lime linen
madder malt mortar mustard mutton nails nutmeg oats oil onions paper peas pepper pewter pitch plaster quicklime quills
raisins resin rice rope rye salt sand sealing-wax seed shingles silk slates soap starch straw sugar tallow tar thread
timber tobacco turf twine vellum vinegar walnuts wax wheat wine wool yarn yeast zinc
""")

MEASURES = _split("""
bags bales barrels baskets boxes bundles bushels cart-loads casks chests crates dozen ells firkins gallons hogsheads
jars kegs loads ounces packs pieces pints pounds quarters quires reams rolls sacks sheaves skeins stone tons yards
""")

THINGS = _split("""
anvil axe basin bed bedstead bible blanket bolster book bowl bucket cabinet candlestick cask chair chest churn clock
coat cradle cupboard curtain desk dish drawer feather-bed flagon fork fowling-piece frying-pan gown grate hammer
harness hat hour-glass kettle key knife ladder ladle lamp lantern lock mattress mirror mortar nightcap oven pail
picture pillow plate plough pot quilt rug saddle saw scythe shawl sheet shovel sideboard sieve spade spoon stool sword
table tablecloth tankard teapot trunk vessel violin wagon waistcoat warming-pan whip yoke
""")

QUALITIES = _split("""
ancient black blue broken brown carved coarse common cracked damaged dark extra fine framed gilt green grey half-worn
heavy iron-bound large leather little long low mended narrow new oak old oval painted pewter plain polished quilted
red round rusty second-hand silver small square stout tin torn turned unfinished walnut white wooden worn yellow
""")

ROOMS = _split("""
attic barn brewhouse cellar chamber closet dairy garret granary hall kitchen larder library loft parlour passage
scullery stable study vestry wash-house workshop yard
""")

KIN = _split("""
aunt brother cousin daughter father friend husband mother neighbour nephew niece sister son uncle widow wife
""")

WORKS = _split("""
binding carrying carting cleaning cutting digging dyeing fetching gilding glazing grinding hanging joining killing
laying making mending mowing painting plastering quarrying repairing ringing sawing sharpening shoeing sweeping tiling
turning washing weaving weighing
""")

ILLS = _split("""
ague apoplexy childbed consumption convulsions dropsy drowning dysentery fever gout jaundice measles old-age pleurisy
quinsy smallpox
""")

FEELINGS = _split("""
anxious cheerful content delighted exhausted faithful glad grateful happy hopeful humble joyful obliged proud sorry
surprised thankful uneasy unwell vexed weary
""")
