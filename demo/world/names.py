"""Names and places of the made-up company. All e-mail domains end in .example (RFC 2606)."""

# Given name, nickname: what a person says on the phone.
WESTERN_WOMEN = (
    ("Elizabeth", "Liz"), ("Katherine", "Kate"), ("Margaret", "Maggie"), ("Susan", "Sue"), ("Jennifer", "Jenny"),
    ("Rebecca", "Becky"), ("Patricia", "Pat"), ("Victoria", "Vicky"), ("Christine", "Chris"), ("Amanda", "Mandy"),
    ("Josephine", "Jo"), ("Samantha", "Sam"), ("Theresa", "Tess"), ("Deborah", "Debbie"), ("Isabella", "Bella"),
    ("Alexandra", "Alex"), ("Penelope", "Penny"), ("Angela", "Angie"), ("Jacqueline", "Jackie"), ("Nicole", "Nikki"),
    ("Priya", "Pri"), ("Nurul", "Nur"), ("Siti", "Siti"), ("Lakshmi", "Lux"), ("Grace", "Gracie"),
)  # fmt: skip
WESTERN_MEN = (
    ("William", "Bill"), ("Robert", "Bob"), ("Richard", "Rick"), ("Michael", "Mike"), ("Thomas", "Tom"),
    ("Christopher", "Chris"), ("Alexander", "Alex"), ("Anthony", "Tony"), ("Daniel", "Dan"), ("Benjamin", "Ben"),
    ("Edward", "Ted"), ("James", "Jim"), ("Joseph", "Joe"), ("Matthew", "Matt"), ("Nicholas", "Nick"),
    ("Samuel", "Sam"), ("Timothy", "Tim"), ("Andrew", "Andy"), ("Gregory", "Greg"), ("Kenneth", "Ken"),
    ("Rajesh", "Raj"), ("Muhammad", "Mohd"), ("Suresh", "Suresh"), ("Vincent", "Vince"), ("Leonard", "Leo"),
)  # fmt: skip
WESTERN_FAMILIES = (
    "Smith", "Brown", "Taylor", "Wilson", "Clarke", "Walker", "Roberts", "Turner", "Cooper", "Bennett", "Murphy",
    "Kelly", "Gomez", "Pereira", "de Souza", "Fernandez", "O'Brien", "Schneider", "Dubois", "Larsen", "Kumar", "Nair",
    "Pillai", "Rahman", "Abdullah", "Ismail", "Hassan", "Singh", "Menon", "Iyer", "D'Cruz", "MacDonald", "van Dijk",
    "Novak", "Rossi", "Hughes", "Foster", "Palmer", "Mason", "Grant",
)  # fmt: skip
# Family name as most write it in Singapore, in Hanyu Pinyin, in characters.
CHINESE_FAMILIES = (
    ("Tan", "Chen", "陈"), ("Lim", "Lin", "林"), ("Lee", "Li", "李"), ("Ng", "Huang", "黄"), ("Wong", "Wang", "王"),
    ("Goh", "Wu", "吴"), ("Chua", "Cai", "蔡"), ("Chan", "Zeng", "曾"), ("Koh", "Xu", "许"), ("Teo", "Zhang", "张"),
    ("Ang", "Hong", "洪"), ("Yeo", "Yang", "杨"), ("Low", "Liu", "刘"), ("Ho", "He", "何"), ("Sim", "Shen", "沈"),
    ("Chong", "Zhong", "钟"), ("Toh", "Zhuo", "卓"), ("Foo", "Fu", "符"), ("Cheong", "Jiang", "蒋"),
    ("Leong", "Liang", "梁"),
)  # fmt: skip
# Syllable of a given name as most write it in Singapore, in Hanyu Pinyin, in characters.
CHINESE_SYLLABLES = (
    ("Wei", "Wei", "伟"), ("Mei", "Mei", "美"), ("Ling", "Ling", "玲"), ("Hui", "Hui", "慧"), ("Jia", "Jia", "佳"),
    ("Xiu", "Xiu", "秀"), ("Chee", "Zhi", "志"), ("Kok", "Guo", "国"), ("Boon", "Wen", "文"), ("Ming", "Ming", "明"),
    ("Keng", "Qing", "庆"), ("Siew", "Xiu", "琇"), ("Yong", "Yong", "勇"), ("Hock", "Fu", "福"),
    ("Seng", "Cheng", "成"), ("Swee", "Rui", "瑞"), ("Choon", "Chun", "春"), ("Lian", "Lian", "莲"),
    ("Fang", "Fang", "芳"), ("Jun", "Jun", "俊"), ("Kai", "Kai", "凯"), ("Xin", "Xin", "欣"), ("Yi", "Yi", "怡"),
    ("Teck", "De", "德"), ("Peng", "Peng", "鹏"),
)  # fmt: skip
STREETS = (
    "Orchid Lane", "Banyan Road", "Kallang Walk", "Serangoon Garden Way", "Tembusu Drive", "Clementi Avenue",
    "Bedok Rise", "Holland Grove", "Upper Thomson Road", "Jalan Kembangan", "Pasir Ris Street", "Yishun Ring Road",
    "Lorong Chuan", "Punggol Field", "Simei Street", "Marine Parade", "Bukit Timah Road", "Sembawang Crescent",
    "Jurong West Street", "Telok Blangah Heights",
)  # fmt: skip
MAIL_DOMAINS = ("mail.example", "post.example", "inbox.example", "homepost.example", "uni.example")
COMPANY_WORDS = (
    "Harbour", "Lotus", "Merlion", "Sunrise", "Keppel", "Orchid", "Raffles", "Banyan", "Straits", "Jade",
)  # fmt: skip
COMPANY_TRADES = (
    "Landscaping", "Hotels", "Interiors", "Café Group", "Events", "Property", "Schools", "Clinics",
)  # fmt: skip
# Department, categories. Prices of the products follow in demo.systems.shop.
DEPARTMENTS = (
    ("Garden", "Plants"), ("Garden", "Seeds & Bulbs"), ("Garden", "Pots"), ("Garden", "Tools"),
    ("Garden", "Soil & Care"), ("Home", "Kitchen"), ("Home", "Textiles"), ("Home", "Lighting"),
    ("Home", "Storage"), ("Home", "Decoration"), ("Outdoor", "Furniture"), ("Outdoor", "Barbecue"),
    ("Gifts", "Cut Flowers"), ("Gifts", "Candles"), ("Gifts", "Hampers"), ("Pets", "Aquarium"),
)  # fmt: skip
BRANDS = ("Kirin & Rose", "Evergreen", "Lotus & Co", "Bloomfield", "Hearth", "Terra", "Nordlys", "Little Leaf")
PRODUCT_NOUNS = (
    "Classic", "Compact", "Deluxe", "Everyday", "Heritage", "Mini", "Natural", "Original", "Premium", "Studio",
)  # fmt: skip
