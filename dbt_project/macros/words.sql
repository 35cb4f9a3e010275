{#
  Words that sources write in many spellings, and the one that the warehouse keeps (`words` in the contract). Spellings
  are compared without case, blanks and signs. A word that is not listed stays as it is: where the contract allows only
  some words, its row is quarantined.
#}
{% macro canonical_word(value, words) -%}
    {%- set folded = without("lower(" ~ value ~ ")", '[^\\p{L}\\p{N}*]') -%}
    case
        {%- for word, spellings in words.items() %}
        when {{ folded }} in ({{ text_list([word | replace('_', '')] + spellings) }}) then '{{ word }}'
        {%- endfor %}
        else {{ value }}
    end
{%- endmacro %}

{# The channels that a consent is given for. A row may also speak of all of them, or of another one, which lists do not use. #}
{% macro consent_channels() -%}{{ return(['email', 'phone', 'sms', 'mail']) }}{%- endmacro %}

{#
  Words of consents. A status grants only where its word says so and nothing else: numbers and yes are left out, for
  it is unknown what question they answer.
#}
{% macro consent_words() -%}
    {{ return({
        'channel': {
            'email': [
                'emails', 'electronicmail', 'emailaddress', 'courriel', 'courrielelectronique', 'correoelectronico',
                'correoelectrónico', 'postaelettronica', 'электроннаяпочта', '电子邮件', '邮件', '邮箱', 'メール',
            ],
            'phone': [
                'phones', 'phonecall', 'phonecalls', 'telephone', 'telephones', 'tel', 'call', 'calls', 'voice', 'telefon',
                'téléphone', 'telefono', 'teléfono', 'telefone', '电话', '電話',
            ],
            'sms': ['text', 'texts', 'textmessage', 'textmessages', 'smsmessage', 'smsmessages', '短信', '簡訊'],
            'mail': [
                'post', 'postal', 'postalmail', 'letter', 'letters', 'directmail', 'brief', 'courrier', 'courrierpostal',
                'correopostal', 'posta', '信件', '邮寄',
            ],
            'all': [
                'every', 'any', 'everything', 'allchannels', 'anychannel', 'everychannel', 'global', '*', 'alle', 'alles',
                'tous', 'tout', 'todos', 'todo', 'tutti', '全部', '所有',
            ],
            'other': [
                'push', 'pushnotification', 'pushnotifications', 'webpush', 'inapp', 'app', 'whatsapp', 'wechat', 'messenger',
                'telegram', 'line', 'viber', 'fax', 'social', 'socialmedia', 'web', 'website', 'onsite', 'cookie', 'cookies',
            ],
        },
        'purpose': {
            'marketing': [
                'directmarketing', 'emailmarketing', 'marketingcommunication', 'marketingcommunications', 'advertising',
                'advertisement', 'advertisements', 'ads', 'promotion', 'promotions', 'promotional', 'promo', 'newsletter',
                'newsletters', 'offers', 'werbung', 'publicité', 'publicidad', 'pubblicità', '营销', '市场营销', '推广', '广告',
            ],
            'profiling': [
                'profile', 'profiles', 'personalisation', 'personalization', 'scoring', 'automateddecisions',
                'automateddecisionmaking', 'profilage', 'profilierung', 'perfilado', 'profilazione', '画像', '用户画像',
            ],
            'all': [
                'every', 'any', 'everything', 'allpurposes', 'anypurpose', 'everypurpose', 'global', '*', 'alle', 'alles', 'tous',
                'tout', 'todos', 'todo', 'tutti', '全部', '所有',
            ],
            'service': [
                'services', 'transactional', 'transaction', 'transactions', 'order', 'orders', 'account', 'support', 'billing',
                'delivery', 'shipping', 'contract', 'necessary', 'essential', 'functional', 'legal', '服务', '交易',
            ],
            'research': [
                'survey', 'surveys', 'analytics', 'statistics', 'thirdparty', 'thirdparties', 'datasharing', 'sharing',
                'cookies', 'cookie',
            ],
        },
        'status': {
            'granted': [
                'grant', 'given', 'optin', 'optedin', 'subscribe', 'subscribed', 'accept', 'accepted', 'agreed', 'allowed',
                'consented', 'confirmed', 'erteilt', 'zugestimmt', 'eingewilligt', 'accordé', 'accepté', 'concedido',
                'aceptado', 'concesso', 'accettato', '同意', '已同意', '已订阅',
            ],
            'withdrawn': [
                'withdraw', 'withdrew', 'withdrawal', 'revoke', 'revoked', 'deny', 'denied', 'decline', 'declined', 'refuse',
                'refused', 'reject', 'rejected', 'object', 'objected', 'objection', 'optout', 'optedout', 'unsubscribe',
                'unsubscribed', 'cancelled', 'canceled', 'expired', 'removed', 'deleted', 'ended', 'blocked', 'suppressed',
                'donotcontact', 'notgranted', 'notgiven', 'no', 'none', 'never', 'pending', 'requested', 'unconfirmed',
                'notconfirmed', 'inactive', 'bounced', 'complained', 'spam', 'nein', 'widerrufen', 'widersprochen', 'abgelehnt',
                'abgemeldet', 'refusé', 'retiré', 'désinscrit', 'désabonné', 'non', 'revocado', 'retirado', 'rechazado',
                'denegado', 'revocato', 'rifiutato', 'negato', '撤回', '已撤回', '拒绝', '已拒绝', '退订', '已退订', '取消', '已取消',
            ],
        },
    }) }}
{%- endmacro %}

{# A number with its noun, as text: 1 purchase, 2 purchases. #}
{% macro counted(number, noun) -%}
    (cast({{ number }} as {{ contract_type('text') }}) || case when {{ number }} = 1 then ' {{ noun }}' else ' {{ noun }}s' end)
{%- endmacro %}
