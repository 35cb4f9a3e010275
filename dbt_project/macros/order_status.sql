{#
  What the words of an order's status say, as shops export them. Add the words of a company here.

  purchase   paid for, or taken as paid: it counts, also where the money was returned later (a refund is a row of returns)
  waiting    not paid yet, or not ordered for good: no purchase until another status comes
  cancelled  it will not be paid: no purchase

  Case, accents, blanks and signs do not matter (status_key): 'on-hold' is also 'On Hold', 'ON_HOLD' and 'onHold'. A
  status is looked up as a whole, and one that is not listed changes nothing: it is in ops.order_statuses as unlisted.
  Left out because systems disagree on them: open, new, created, sent, received, unavailable. closed is a purchase, as
  shops archive it; what the Chinese ones call closed was never paid.
#}
{% macro order_status_words() -%}
    {{ return({
        'purchase': [
            'paid', 'payment received', 'payment accepted', 'remote payment accepted', 'payment complete', 'payment completed',
            'paid in full', 'fully paid', 'partially paid', 'authorized', 'authorised', 'captured', 'settled', 'approved',
            'confirmed', 'accepted', 'invoiced', 'billed', 'sale', 'sold', 'success', 'successful', 'succeeded',
            'processing', 'processing in progress', 'in process', 'in progress', 'processed', 'preparing', 'packed', 'picked',
            'ready', 'ready to ship', 'ready for pickup', 'ready for collection', 'to ship', 'unshipped', 'unfulfilled',
            'awaiting shipment', 'awaiting fulfillment', 'awaiting fulfilment', 'awaiting pickup', 'backordered', 'on backorder paid',
            'shipped', 'partially shipped', 'in transit', 'out for delivery', 'dispatched', 'shipping', 'fulfilled',
            'partially fulfilled', 'delivered', 'partially delivered', 'picked up', 'collected', 'complete', 'completed', 'closed',
            'done', 'finished', 'archived', 'to confirm receive', 'shipped delivered to buyer', 'delivered to buyer',
            'refunded', 'partially refunded', 'fully refunded', 'returned', 'partially returned', 'cancelled reversal',
            'canceled reversal',
            'bezahlt', 'teilweise bezahlt', 'komplett bezahlt', 'vollständig bezahlt', 'zahlung erhalten', 'zahlung eingegangen',
            'zahlung akzeptiert', 'bestätigt', 'bestaetigt', 'berechnet', 'in rechnung gestellt', 'in bearbeitung', 'in arbeit',
            'versandbereit', 'abholbereit', 'versandt', 'versendet', 'verschickt', 'teilweise versandt', 'teilweise versendet',
            'ausgeliefert', 'teilweise ausgeliefert', 'geliefert', 'zugestellt', 'abgeholt', 'abgeschlossen',
            'komplett abgeschlossen', 'fertiggestellt', 'erledigt', 'vollständig', 'erstattet', 'rückerstattet', 'rueckerstattet',
            'zurückerstattet', 'teilweise erstattet', 'retourniert', 'zurückgesendet',
            'payé', 'payée', 'paiement accepté', 'paiement reçu', 'paiement à distance accepté', 'confirmé', 'confirmée', 'validé',
            'validée', 'facturé', 'facturée', 'en cours', 'en cours de préparation', 'en préparation', 'en cours de traitement',
            'préparation en cours', 'expédié', 'expédiée', 'partiellement expédié', 'envoyé', 'livré', 'livrée', 'terminé', 'terminée',
            'complète', 'clôturé', 'clôturée', 'remboursé', 'remboursée', 'partiellement remboursé', 'retourné', 'retournée',
            'pagado', 'pagada', 'pago aceptado', 'pago recibido', 'pago a distancia aceptado', 'confirmado', 'confirmada', 'facturado',
            'facturada', 'procesando', 'en proceso', 'en preparación', 'preparación en curso', 'preparación en proceso', 'enviado',
            'enviada', 'entregado', 'entregada', 'completado', 'completada', 'finalizado', 'finalizada', 'terminado', 'cerrado',
            'cerrada', 'reembolsado', 'reembolsada', 'devuelto', 'devuelta',
            'pagato', 'pagata', 'pagamento accettato', 'pagamento ricevuto', 'confermato', 'confermata', 'fatturato', 'fatturata',
            'in lavorazione', 'in elaborazione', 'in preparazione', 'preparazione in corso', 'spedito', 'spedita', 'inviato', 'evaso',
            'consegnato', 'consegnata', 'completato', 'completata', 'chiuso', 'chiusa', 'rimborsato', 'rimborsata', 'reso',
            'betaald', 'deels betaald', 'betaling ontvangen', 'betaling aanvaard', 'betaling geaccepteerd', 'bevestigd', 'gefactureerd',
            'in behandeling', 'wordt verwerkt', 'verwerkt', 'wordt voorbereid', 'klaar voor verzending', 'verzonden',
            'deels verzonden', 'geleverd', 'afgeleverd', 'bezorgd', 'afgehaald', 'afgerond', 'voltooid', 'gesloten', 'compleet',
            'terugbetaald', 'gedeeltelijk terugbetaald', 'geretourneerd',
            '已付款', '已支付', '付款成功', '支付成功', '买家已付款', '買家已付款', '买家已付款 等待卖家发货', '已确认', '已確認', '待发货', '待發貨',
            '等待发货', '等待发货中', '等待出库', '等待卖家发货', '备货中', '处理中', '處理中', '已发货', '已發貨', '部分发货', '配送中', '运输中', '运送中',
            '卖家已发货', '卖家已发货 等待买家确认', '等待确认收货', '待收货', '待收貨', '待签收', '已收货', '已收貨', '已签收', '已送达', '已送達', '待评价', '待自提', '已自提',
            '已完成', '完成', '交易成功', '交易完成', '订单完成', '訂單完成', '已退款', '退款成功', '部分退款', '已退货', '已退貨',
        ],
        'waiting': [
            'waiting', 'pending', 'unpaid', 'not paid', 'awaiting payment', 'waiting for payment', 'waiting payment',
            'pending payment', 'payment pending', 'payment due', 'payment outstanding', 'payment processing', 'payment review',
            'payment required', 'to pay', 'overdue', 'awaiting bank wire payment', 'awaiting bank transfer', 'awaiting check payment',
            'awaiting cheque payment', 'awaiting paypal payment', 'awaiting cash on delivery validation', 'on backorder not paid',
            'awaiting confirmation', 'awaiting approval', 'pending approval', 'pending confirmation', 'pending review',
            'manual verification required', 'verification required', 'fraud', 'suspected fraud', 'on hold', 'hold', 'holded', 'held',
            'draft', 'checkout draft', 'cart', 'in cart', 'basket', 'quote', 'quotation', 'quotation sent', 'offer', 'incomplete',
            'wartend', 'wartet', 'ausstehend', 'unbezahlt', 'nicht bezahlt', 'noch nicht bezahlt', 'zahlung ausstehend',
            'zahlung offen', 'zahlung erwartet', 'warten auf zahlung', 'wartet auf zahlung', 'warten auf zahlungseingang',
            'warten auf banküberweisung', 'warten auf scheckzahlung', 'erinnert', 'gemahnt', 'in wartestellung', 'zurückgestellt',
            'angehalten', 'pausiert', 'entwurf', 'angebot', 'warenkorb', 'unvollständig',
            'en attente', 'en attente de paiement', 'en attente du paiement', 'attente paiement', 'en attente du paiement par chèque',
            'en attente de paiement par chèque', 'en attente de virement', 'en attente de virement bancaire',
            'en attente de validation', 'en attente de confirmation', 'paiement en attente', 'impayé', 'impayée', 'non payé', 'non payée',
            'à payer', 'en suspens', 'brouillon', 'devis', 'panier',
            'pendiente', 'pendiente de pago', 'pago pendiente', 'en espera', 'en espera de pago', 'a la espera de pago', 'esperando pago',
            'en espera de pago por transferencia bancaria', 'en espera de pago por cheque', 'no pagado', 'no pagada', 'impagado',
            'sin pagar', 'por pagar', 'retenido', 'borrador', 'presupuesto', 'carrito',
            'in attesa', 'in attesa di pagamento', 'pagamento in attesa', 'in attesa del pagamento', 'in attesa di bonifico',
            'in attesa di bonifico bancario', 'in attesa di conferma', 'in sospeso', 'sospeso', 'non pagato', 'non pagata', 'da pagare',
            'bozza', 'preventivo', 'carrello',
            'wachtend', 'wacht op betaling', 'wachten op betaling', 'in afwachting', 'in afwachting van betaling', 'in de wacht',
            'in wacht', 'onbetaald', 'niet betaald', 'nog niet betaald', 'openstaand', 'te betalen', 'betaling in behandeling', 'concept',
            'offerte', 'winkelwagen',
            '待付款', '待支付', '未付款', '未支付', '等待付款', '等待支付', '等待买家付款', '等待買家付款', '付款中', '支付中', '付款处理中', '待确认', '待確認', '待审核', '待審核',
            '审核中', '挂起', '暂停', '草稿', '购物车', '報價', '报价',
        ],
        'cancelled': [
            'cancelled', 'canceled', 'cancel', 'cancelled by customer', 'canceled by customer', 'cancelled by buyer',
            'canceled by buyer', 'cancelled by seller', 'canceled by seller', 'order cancelled', 'order canceled', 'void', 'voided',
            'annulled', 'failed', 'failure', 'payment failed', 'payment error', 'declined', 'payment declined', 'denied', 'rejected',
            'refused', 'expired', 'abandoned', 'deleted', 'trash', 'withdrawn', 'aborted', 'timed out', 'lapsed', 'invalid',
            'storniert', 'komplett storniert', 'storno', 'abgebrochen', 'annulliert', 'fehlgeschlagen', 'zahlung fehlgeschlagen',
            'zahlungsfehler', 'fehler bei der zahlung', 'fehler bei der bezahlung', 'abgelehnt', 'verweigert', 'abgelaufen', 'verfallen',
            'ungültig', 'ungueltig', 'gelöscht', 'geloescht', 'widerrufen',
            'annulé', 'annulée', 'annulation', 'échoué', 'échouée', 'échec', 'échec du paiement', 'paiement échoué', 'paiement refusé',
            'erreur de paiement', 'refusé', 'refusée', 'rejeté', 'rejetée', 'expiré', 'expirée', 'abandonné', 'abandonnée', 'supprimé',
            'supprimée',
            'cancelado', 'cancelada', 'anulado', 'anulada', 'fallido', 'fallida', 'pago fallido', 'error en el pago', 'error de pago',
            'rechazado', 'rechazada', 'denegado', 'denegada', 'caducado', 'caducada', 'expirado', 'vencido', 'abandonado', 'eliminado',
            'annullato', 'annullata', 'cancellato', 'cancellata', 'fallito', 'fallita', 'pagamento fallito', 'non riuscito',
            'errore di pagamento', 'rifiutato', 'rifiutata', 'respinto', 'scaduto', 'scaduta', 'abbandonato', 'eliminato',
            'geannuleerd', 'mislukt', 'betaling mislukt', 'betalingsfout', 'geweigerd', 'afgewezen', 'afgekeurd', 'verlopen', 'vervallen',
            'verlaten', 'verwijderd', 'ongeldig',
            '已取消', '取消', '订单取消', '訂單取消', '订单已取消', '买家取消', '卖家取消', '系统取消', '交易取消', '已关闭', '已關閉', '交易关闭', '交易關閉',
            '订单关闭', '訂單關閉', '已作废', '作废', '已作廢', '支付失败', '支付失敗', '付款失败', '付款失敗', '交易失败', '已过期', '已過期', '已失效', '已超时', '超时未支付',
            '超时取消', '已拒绝', '已删除', '无效', '無效',
        ],
    }) }}
{%- endmacro %}

{# Meaning of each word, by the word without blanks and signs. A word with two meanings is an error. #}
{% macro order_status_keys() -%}
    {%- set found = {} -%}
    {%- for meaning, words in order_status_words().items() -%}
        {%- for word in words -%}
            {%- set key = modules.re.sub('[\\W_]+', '', word.lower()) -%}
            {%- if found.get(key, meaning) != meaning -%}
                {{ exceptions.raise_compiler_error("macros/order_status.sql: '" ~ word ~ "' is " ~ found[key] ~ " and " ~ meaning ~ ". Leave it in one of them.") }}
            {%- endif -%}
            {%- do found.update({key: meaning}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# A status without case, accents, blanks and signs, and without WooCommerce's 'wc-'. #}
{% macro status_key(status) -%}{{ return(adapter.dispatch('status_key')(status)) }}{%- endmacro %}
{% macro default__status_key(status) -%}
    regexp_replace(regexp_replace(strip_accents(lower({{ status }})), '^\s*wc-', ''), '[^\p{L}\p{N}]+', '', 'g')
{%- endmacro %}

{# True for an order that its status calls unpaid or cancelled: neither a purchase nor sales. Without a status: false. #}
{% macro is_unsold(meaning) -%}
    coalesce({{ meaning }} in ('waiting', 'cancelled'), false)
{%- endmacro %}
