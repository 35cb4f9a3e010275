{# Names of people, so that two records of one person agree and two people of one household do not. #}

{# Words of a name: without accents, titles, legal forms and signs; each Chinese character is a word. #}
{% macro name_words(name) -%}{{ return(adapter.dispatch('name_words')(name)) }}{%- endmacro %}
{% macro default__name_words(name) -%}
    list_filter(
        regexp_split_to_array(
            regexp_replace(
                regexp_replace(
                    regexp_replace(strip_accents(lower({{ name }})), '先生|女士|小姐|太太|[''’`.]', '', 'g'),
                    '(\p{Han})', ' \1 ', 'g'
                ),
                '[^\p{L}]+', ' ', 'g'
            ),
            ' '
        ),
        lambda word: word not in ('', {{ text_list(words_that_name_nobody()) }})
    )
{%- endmacro %}

{# One row per word of a relation's column `words`: its position from 1. #}
{% macro numbered_words(relation) -%}{{ return(adapter.dispatch('numbered_words')(relation)) }}{%- endmacro %}
{% macro default__numbered_words(relation) -%}
    select
        source_record_key,
        given_words,
        unnest(words) as word,
        generate_subscripts(words, 1) as position
    from {{ relation }}
{%- endmacro %}

{# Number of words, and the words without anything between them. #}
{% macro length_of(words) -%}{{ return(adapter.dispatch('length_of')(words)) }}{%- endmacro %}
{% macro default__length_of(words) -%}len({{ words }}){%- endmacro %}
{% macro joined(words) -%}{{ return(adapter.dispatch('joined')(words)) }}{%- endmacro %}
{% macro default__joined(words) -%}array_to_string({{ words }}, ''){%- endmacro %}

{# True when all words of one of two names (of `checks`) have a fellow in the other, and none serves for two. #}
{% macro is_covered(words, other_words) -%}
    (
        ({{ words }} = checks.all_words and {{ other_words }} >= checks.all_words)
        or ({{ other_words }} = checks.other_all_words and {{ words }} >= checks.other_all_words)
    )
{%- endmacro %}

{#
  True for two words that a slip of the finger turns into each other: a letter left out or doubled, two swapped, in words
  of five letters also a wrong one. Mei and Wei are two names.
#}
{% macro is_slip(one, other) -%}
    (
        {{ is_one_letter_off(one, other) }}
        and (
            least(length({{ one }}), length({{ other }})) >= 5
            or length({{ one }}) <> length({{ other }})
            or {{ sorted_letters(one) }} = {{ sorted_letters(other) }}
        )
    )
{%- endmacro %}

{# True for two words of two or more letters, one of them of three, that differ in one letter or two swapped ones. #}
{% macro is_one_letter_off(one, other) -%}{{ return(adapter.dispatch('is_one_letter_off')(one, other)) }}{%- endmacro %}
{% macro default__is_one_letter_off(one, other) -%}
    (
        least(length({{ one }}), length({{ other }})) >= 2
        and greatest(length({{ one }}), length({{ other }})) >= 3
        and abs(length({{ one }}) - length({{ other }})) <= 1
        and damerau_levenshtein({{ one }}, {{ other }}) = 1
    )
{%- endmacro %}

{# The letters of a word in order of the alphabet. #}
{% macro sorted_letters(word) -%}{{ return(adapter.dispatch('sorted_letters')(word)) }}{%- endmacro %}
{% macro default__sorted_letters(word) -%}array_to_string(list_sort(string_split({{ word }}, '')), ''){%- endmacro %}

{% macro words_that_name_nobody() -%}
    {{ return([
        'mr', 'mrs', 'ms', 'miss', 'mdm', 'madam', 'dr', 'prof', 'sir', 'pte', 'ltd', 'limited', 'private', 'inc', 'corp',
        'co', 'company', 'llc', 'llp', 'plc', 'gmbh', 'sdn', 'bhd', 'test', 'unknown', 'customer', 'guest', 'none',
    ]) }}
{%- endmacro %}

{#
  Spellings of one name: what people write, and the names that it may stand for. English short forms, and Chinese family
  names and common syllables of given names in characters, in Hanyu Pinyin and as Hokkien, Teochew and Cantonese speakers
  spell them. A spelling may stand for several names.
#}
{% macro name_spellings() -%}
    {{ return({
        'abigail': 'abby gail', 'abraham': 'abe', 'adrian': 'ade', 'albert': 'al bert bertie', 'alexander': 'alex al sandy xander',
        'alexandra': 'alex sandra lexi sandy', 'alfred': 'alf fred', 'alison': 'ali', 'amanda': 'mandy', 'andrea': 'andy',
        'andrew': 'andy drew', 'angela': 'angie', 'ann': 'anne annie nancy', 'anthony': 'tony ant', 'antonia': 'toni',
        'arthur': 'art', 'barbara': 'barb babs', 'beatrice': 'bea trixie', 'benjamin': 'ben benny benji', 'bernard': 'bernie',
        'bridget': 'biddy', 'caroline': 'carrie caro', 'catherine': 'cathy kate katie cat', 'cassandra': 'cass sandra',
        'charles': 'charlie chuck chas', 'charlotte': 'lottie charlie', 'christina': 'chris tina chrissie',
        'christine': 'chris tina chrissie', 'christopher': 'chris topher kit', 'clifford': 'cliff', 'cynthia': 'cindy',
        'daniel': 'dan danny', 'danielle': 'dani', 'david': 'dave davy', 'deborah': 'debbie deb', 'dennis': 'den denny',
        'donald': 'don donny', 'dorothy': 'dot dottie', 'douglas': 'doug', 'edmund': 'ed eddie', 'edward': 'ed eddie ted ned',
        'edwin': 'ed', 'eleanor': 'ellie nell nora', 'elizabeth': 'liz beth lizzie betty eliza libby bess lisa', 'emily': 'em emmy',
        'emma': 'em', 'eugene': 'gene', 'evelyn': 'eve evie', 'florence': 'flo florrie', 'frances': 'fran frankie',
        'francis': 'frank', 'franklin': 'frank', 'frederick': 'fred freddie', 'gabriel': 'gabe', 'gabrielle': 'gabby',
        'geoffrey': 'geoff jeff', 'george': 'georgie', 'gerald': 'gerry jerry', 'gillian': 'gill jill', 'grace': 'gracie',
        'gregory': 'greg', 'gwendolyn': 'gwen', 'harold': 'harry hal', 'harriet': 'hattie', 'helen': 'nell', 'henry': 'harry hank',
        'herbert': 'herb bert', 'irene': 'rene', 'isaac': 'ike', 'isabella': 'bella izzy isa', 'jacob': 'jake',
        'jacqueline': 'jackie jacqui', 'james': 'jim jimmy jamie', 'janet': 'jan', 'jeffrey': 'jeff', 'jennifer': 'jen jenny',
        'jeremy': 'jerry jem', 'jessica': 'jess jessie', 'joan': 'joanie', 'joanna': 'jo anna', 'john': 'jack johnny jon',
        'jonathan': 'jon johnny', 'joseph': 'joe joey', 'josephine': 'jo josie', 'joshua': 'josh', 'judith': 'judy',
        'julia': 'julie', 'katherine': 'kate katie kathy kat', 'kathleen': 'kathy kath', 'kenneth': 'ken kenny', 'kimberly': 'kim',
        'lakshmi': 'lux laxmi', 'lawrence': 'larry laurie', 'leonard': 'leo len lenny', 'lillian': 'lily', 'louis': 'lou',
        'louise': 'lou', 'lucille': 'lucy', 'madeleine': 'maddie', 'margaret': 'maggie meg peggy marge', 'martin': 'marty',
        'mary': 'molly polly', 'matilda': 'tilly', 'matthew': 'matt', 'maureen': 'mo', 'maximilian': 'max', 'melissa': 'mel lissa',
        'michael': 'mike mick mickey', 'michelle': 'shelly', 'miranda': 'mandy', 'mohammad': 'muhammad mohammed mohamed mohd md',
        'natalie': 'nat', 'nathaniel': 'nate nat', 'nicholas': 'nick nicky', 'nicola': 'nicky', 'nicole': 'nicky nikki',
        'norman': 'norm', 'nurul': 'nur', 'oliver': 'ollie', 'olivia': 'liv livvy', 'pamela': 'pam', 'patricia': 'pat patty tricia trish',
        'patrick': 'pat paddy', 'penelope': 'penny', 'peter': 'pete', 'philip': 'phil', 'philippa': 'pippa', 'priscilla': 'cilla',
        'priya': 'pri', 'prudence': 'prue', 'rachel': 'rach', 'rajesh': 'raj', 'raymond': 'ray', 'rebecca': 'becky becca',
        'reginald': 'reg', 'richard': 'rick dick rich ricky', 'robert': 'rob bob bobby bert', 'roberta': 'bobbie', 'roger': 'rodge',
        'ronald': 'ron ronnie', 'rosemary': 'rose rosie', 'russell': 'russ', 'samantha': 'sam sammy', 'samuel': 'sam sammy',
        'sandra': 'sandy', 'sarah': 'sally sadie', 'sebastian': 'seb', 'sophia': 'sophie', 'stanley': 'stan', 'stephanie': 'steph',
        'stephen': 'steve', 'steven': 'steve', 'stuart': 'stu', 'susan': 'sue susie', 'suzanne': 'sue', 'sylvia': 'syl',
        'terence': 'terry', 'teresa': 'terry tess', 'theodore': 'ted theo', 'theresa': 'terry tess tessa', 'thomas': 'tom tommy',
        'timothy': 'tim', 'valerie': 'val', 'vanessa': 'nessa', 'veronica': 'ronnie', 'victor': 'vic', 'victoria': 'vicky tori vic',
        'vincent': 'vince vinny', 'violet': 'vi', 'virginia': 'ginny', 'vivian': 'viv', 'walter': 'walt wally', 'wilfred': 'wilf',
        'william': 'bill will billy liam', 'winifred': 'winnie', 'zachary': 'zach',
        'ai': '爱 愛 oi', 'an': '安', 'bai': '白 pek', 'bin': '斌 彬 滨', 'bo': '博 波', 'cai': '蔡 chua choi tsai chai',
        'cao': '曹 chow', 'chen': '陈 陳 tan chan 晨 辰', 'cheng': '程 成 诚 seng sing ching', 'chun': '春 choon', 'cui': '崔 翠',
        'dai': '戴 tay', 'dan': '丹', 'de': '德 teck tak', 'deng': '邓 鄧 tang', 'ding': '丁 teng', 'dong': '东 東 董 冬 tung',
        'du': '杜 toh', 'fan': '范 樊', 'fang': '方 芳 hong png', 'fei': '飞 菲', 'feng': '冯 馮 峰 凤 丰 fung foong hong pang',
        'fu': '傅 符 福 富 foo hock poh', 'gao': '高 koh ko', 'ge': '葛', 'guan': '关 kwan', 'guang': '光 kwang',
        'guo': '郭 国 國 kok kuok quek kwek kwok', 'hai': '海', 'han': '韩 韓', 'hao': '浩 豪 昊 ho', 'he': '何 和 贺 ho',
        'hong': '洪 红 宏 鸿 ang', 'hou': '侯', 'hu': '胡 oh wu', 'hua': '华 花 wah', 'huang': '黄 黃 ng wong ooi oei', 'hui': '慧 惠 辉 hwee wai',
        'jia': '佳 家 嘉 贾 ka kah', 'jian': '建 健 剑 kian kien', 'jiang': '蒋 江 姜 cheong kang', 'jie': '杰 洁 捷 kiat kit',
        'jin': '金 锦 晋 kim kam', 'jing': '静 晶 京 景', 'jun': '军 君 俊 choon', 'kai': '凯 開', 'kang': '康', 'ke': '柯 可 kwa',
        'kun': '昆 坤', 'lan': '兰 蓝', 'lei': '雷 磊 蕾 lui', 'li': '李 黎 丽 莉 力 立 lee lai lay', 'lian': '连 莲 廉', 'liang': '梁 亮 良 neo leong',
        'liao': '廖 leow liew', 'lin': '林 琳 lim lam', 'ling': '玲 灵 凌 铃 leng', 'liu': '刘 劉 柳 low lau liew', 'long': '龙 隆 leong',
        'lu': '陆 卢 吕 露 loke loh low lo', 'luo': '罗 羅 洛 loh lo', 'lv': '吕 loo', 'ma': '马 馬', 'mao': '毛', 'mei': '美 梅 mui bee', 'meng': '孟 梦 meng beng',
        'min': '敏 民', 'ming': '明 铭 meng beng', 'na': '娜', 'ning': '宁', 'pan': '潘 phua poon', 'peng': '彭 鹏 phang pang', 'ping': '平 萍',
        'qi': '琪 奇 齐', 'qian': '钱 chee', 'qiang': '强', 'qin': '秦 琴 芹', 'qing': '青 清 庆 晴 卿 ching keng kheng', 'qiu': '邱 秋 khoo hiew yau',
        'rong': '荣 蓉 容 yong weng', 'rui': '瑞 睿 swee', 'shan': '珊 山 善', 'shen': '沈 sim sum', 'sheng': '胜 盛 生 seng', 'shi': '石 施 世 诗 shih see',
        'shu': '淑 书 sok siok', 'song': '宋 松 soong', 'su': '苏 蘇 素 soh', 'sun': '孙 孫 soon', 'tan': '谭 谈 tham', 'tang': '唐 汤 tng', 'tao': '涛 陶', 'tian': '田 天 thian',
        'ting': '婷 庭', 'tong': '童 彤', 'wan': '万 婉 晚', 'wang': '王 汪 旺 wong ong heng', 'wei': '伟 偉 薇 威 魏 卫 维 wai ngai', 'wen': '文 雯 温 boon man woon',
        'wu': '吴 吳 伍 武 goh ng go gho', 'xia': '夏 霞', 'xian': '贤 仙 hian', 'xiang': '香 祥 翔 heng siong', 'xiao': '小 晓 萧 siew siau', 'xie': '谢 謝 chia tse seah',
        'xin': '欣 心 新 鑫 sin', 'xing': '兴 星 heng', 'xiong': '熊 雄', 'xiu': '秀 琇 修 siew sau', 'xu': '许 許 徐 旭 koh khoh hui chee', 'xue': '雪 学 薛 seok',
        'yan': '严 颜 燕 艳 燕 yen gan ngan', 'yang': '杨 楊 阳 洋 yeo yeoh young', 'yao': '姚 瑶 yeow', 'ye': '叶 葉 yap ip', 'yi': '怡 依 义 易 yee', 'yin': '尹 银',
        'ying': '英 莹 颖 eng', 'yong': '勇 永 yung eng', 'you': '游 友', 'yu': '于 余 玉 宇 雨 yee geok', 'yuan': '袁 元 媛', 'yue': '月 悦 geok', 'yun': '云 芸', 'zeng': '曾 chan tsang chng',
        'zhang': '张 張 章 teo cheung chang teoh tiong', 'zhao': '赵 趙 chiu teo', 'zhen': '珍 真 振 chin', 'zheng': '郑 鄭 正 tay teh cheng', 'zhi': '志 智 芝 chee chi', 'zhong': '钟 中 忠 chong cheong tiong',
        'zhou': '周 chew chow', 'zhu': '朱 珠 竹 choo chu', 'zhuang': '庄 chng', 'zhuo': '卓 toh',
    }) }}
{%- endmacro %}

{# True for text that has Chinese characters. #}
{% macro is_chinese(text) -%}{{ return(adapter.dispatch('is_chinese')(text)) }}{%- endmacro %}
{% macro default__is_chinese(text) -%}regexp_matches({{ text }}, '\p{Han}'){%- endmacro %}
