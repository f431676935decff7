//! How each declaration is built and known: root, document, head, lines, and the key that
//! its answers name. Facts of the norm (2022-05, table 1.1) and of the zone's own messages,
//! as their manifests have them; a test compares the two.

/// Namespace of the CEB messages (norm of 2022-05, section 1).
pub(crate) const CEB: &str = "http://www.chinaport.gov.cn/ceb";
/// Namespace of the zone's own messages.
pub(crate) const ZONE: &str = "urn:onepoint:zone:1";

/// Namespace of the XML form of the payment data of announcement 179.
const PAYMENT_DATA_FORM: &str = "urn:onepoint:payment-data:2018-179";

/// How a message type is built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) message_type: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) document: &'static str,
    /// The element with the fields; none where they stand in the document itself.
    pub(crate) head: Option<&'static str>,
    pub(crate) line: Option<&'static str>,
    /// The kind of document, as answers name it.
    pub(crate) kind: &'static str,
    /// The fields that it is known by: first whose it is, then its number.
    pub(crate) key: &'static [&'static str],
}

const fn ceb(
    message_type: &'static str,
    document: &'static str,
    head: Option<&'static str>,
    line: Option<&'static str>,
    kind: &'static str,
    key: &'static [&'static str],
) -> Shape {
    Shape { message_type, namespace: CEB, document, head, line, kind, key }
}

const fn zone(
    message_type: &'static str,
    document: &'static str,
    head: &'static str,
    line: Option<&'static str>,
    kind: &'static str,
) -> Shape {
    let key = &["senderCode", "documentNo"];
    Shape { message_type, namespace: ZONE, document, head: Some(head), line, kind, key }
}

pub(crate) const ORDER: Shape = ceb(
    "CEB311Message",
    "Order",
    Some("OrderHead"),
    Some("OrderList"),
    "order",
    &["ebpCode", "orderNo"],
);
pub(crate) const PAYMENT: Shape = ceb(
    "CEB411Message",
    "Payment",
    Some("PaymentHead"),
    None,
    "payment",
    &["payCode", "payTransactionId"],
);
pub(crate) const WAYBILL: Shape = ceb(
    "CEB511Message",
    "Logistics",
    Some("LogisticsHead"),
    None,
    "waybill",
    &["logisticsCode", "logisticsNo"],
);
pub(crate) const WAYBILL_STATUS: Shape = ceb(
    "CEB513Message",
    "LogisticsStatus",
    None,
    None,
    "waybill-status",
    &["logisticsCode", "logisticsNo", "logisticsStatus"],
);
pub(crate) const LIST: Shape = ceb(
    "CEB621Message",
    "Inventory",
    Some("InventoryHead"),
    Some("InventoryList"),
    "list",
    &["agentCode", "copNo"],
);
pub(crate) const CANCELLATION: Shape =
    ceb("CEB623Message", "InvtCancel", None, None, "cancellation", &["agentCode", "copNo"]);
pub(crate) const RETURN: Shape = ceb(
    "CEB625Message",
    "InvtRefund",
    Some("InvtRefundHead"),
    Some("InvtRefundList"),
    "return",
    &["agentCode", "copNo"],
);
pub(crate) const WAREHOUSE_IN: Shape = ceb(
    "CEB711Message",
    "Delivery",
    Some("DeliveryHead"),
    Some("DeliveryList"),
    "delivery",
    &["operatorCode", "copNo"],
);
pub(crate) const EXPORT_ORDER: Shape = ceb(
    "CEB303Message",
    "Order",
    Some("OrderHead"),
    Some("OrderList"),
    "export-order",
    &["ebpCode", "ebcCode", "orderNo"],
);
pub(crate) const EXPORT_RECEIPTS: Shape = ceb(
    "CEB403Message",
    "Receipts",
    None,
    None,
    "export-receipts",
    &["ebcCode", "orderNo", "payNo"],
);
pub(crate) const EXPORT_WAYBILL: Shape =
    ceb("CEB505Message", "Logistics", None, None, "waybill", &["logisticsCode", "logisticsNo"]);
pub(crate) const ARRIVAL: Shape = ceb(
    "CEB507Message",
    "Arrival",
    Some("ArrivalHead"),
    Some("ArrivalList"),
    "arrival",
    &["operatorCode", "copNo", "msgSeqNo"],
);
pub(crate) const DEPARTURE: Shape = ceb(
    "CEB509Message",
    "Departure",
    Some("DepartureHead"),
    Some("DepartureList"),
    "departure",
    &["logisticsCode", "copNo", "msgSeqNo"],
);
pub(crate) const EXPORT_LIST: Shape = ceb(
    "CEB603Message",
    "Inventory",
    Some("InventoryHead"),
    Some("InventoryList"),
    "export-list",
    &["agentCode", "copNo"],
);
pub(crate) const EXPORT_CANCELLATION: Shape =
    ceb("CEB605Message", "InvtCancel", None, None, "export-cancellation", &["agentCode", "copNo"]);
pub(crate) const MASTER_LIST: Shape = ceb(
    "CEB607Message",
    "WayBill",
    Some("WayBillHead"),
    Some("WayBillList"),
    "master-house",
    &["agentCode", "copNo", "msgSeqNo"],
);
pub(crate) const SUMMARY: Shape = ceb(
    "CEB701Message",
    "SummaryApply",
    Some("SummaryApplyHead"),
    Some("SummaryApplyList"),
    "summary",
    &["agentCode", "copNo", "msgSeqNo"],
);
pub(crate) const EXPORT_RETURN: Shape = ceb(
    "CEB213Message",
    "InvtRefund",
    Some("InvtRefundHead"),
    Some("InvtRefundList"),
    "export-return",
    &["agentCode", "coElNo"],
);
pub(crate) const RETURN_TALLY: Shape = ceb(
    "CEB215Message",
    "InvtRefundDetail",
    None,
    None,
    "export-tally",
    &["operatorCode", "logisticsCode", "logisticsNo", "coElNo"],
);
pub(crate) const PAYMENT_DATA: Shape = Shape {
    message_type: "PaymentDataMessage",
    namespace: PAYMENT_DATA_FORM,
    document: "PaymentData",
    head: Some("PaymentDataHead"),
    line: Some("payExchangeInfoList"),
    kind: "payment-data",
    key: &["ebpCode", "sessionID"],
};
pub(crate) const ENTERPRISE_FILING: Shape = zone(
    "EnterpriseFilingMessage",
    "EnterpriseFiling",
    "EnterpriseFilingHead",
    Some("Qualification"),
    "enterprise-filing",
);
pub(crate) const PRODUCT_FILING: Shape = zone(
    "ProductFilingMessage",
    "ProductFiling",
    "ProductFilingHead",
    Some("ProductItem"),
    "product-filing",
);
pub(crate) const PURCHASE: Shape = zone(
    "PurchaseRegistrationMessage",
    "PurchaseRegistration",
    "PurchaseRegistrationHead",
    Some("PurchaseItem"),
    "purchase",
);
pub(crate) const CONTRACT: Shape =
    zone("ContractMessage", "Contract", "ContractHead", Some("ContractItem"), "contract");
pub(crate) const SETTLEMENT: Shape = zone(
    "SettlementRequestMessage",
    "SettlementRequest",
    "SettlementRequestHead",
    Some("SettlementItem"),
    "settlement",
);
pub(crate) const REFUND_CLAIM: Shape = zone(
    "RefundClaimMessage",
    "RefundClaim",
    "RefundClaimHead",
    Some("RefundItem"),
    "refund-claim",
);
pub(crate) const QUARANTINE: Shape = zone(
    "QuarantineRequestMessage",
    "QuarantineRequest",
    "QuarantineRequestHead",
    Some("QuarantineItem"),
    "quarantine",
);
pub(crate) const LOGISTICS_EVENT: Shape = zone(
    "LogisticsEventMessage",
    "LogisticsEvent",
    "LogisticsEventHead",
    Some("TrackingEvent"),
    "logistics-event",
);
pub(crate) const GATE_EVENT: Shape =
    zone("GateEventMessage", "GateEvent", "GateEventHead", Some("GateCargo"), "gate-event");
pub(crate) const STOCK_EVENT: Shape =
    zone("StockEventMessage", "StockEvent", "StockEventHead", Some("StockItem"), "stock-event");
pub(crate) const TRANSIT: Shape =
    zone("TransitMessage", "Transit", "TransitHead", Some("TransitItem"), "transit");
pub(crate) const TAX_GUARANTEE: Shape =
    zone("TaxGuaranteeMessage", "TaxGuarantee", "TaxGuaranteeHead", None, "tax-guarantee");
pub(crate) const PROOF: Shape =
    zone("ProofRequestMessage", "ProofRequest", "ProofRequestHead", Some("ProofItem"), "proof");
pub(crate) const AFTER_SALE: Shape =
    zone("AfterSaleMessage", "AfterSale", "AfterSaleHead", Some("AfterSaleItem"), "after-sale");
pub(crate) const STATISTICS: Shape = zone(
    "StatisticsReportMessage",
    "StatisticsReport",
    "StatisticsReportHead",
    Some("StatisticsItem"),
    "statistics",
);
