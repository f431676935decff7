//! The parties of a pilot: made-up firms with the rights they need, the departments, each
//! with an adapter, an auditor and an operator.

use onepoint_certs::testpki::KeyKind;

/// The gateway's id in DXP envelopes.
pub(crate) const GATEWAY_DXP_ID: &str = "DXPONEPOINT00001";

/// The gateway's number as a node.
pub(crate) const GATEWAY_NODE: &str = "00000001";
/// The party that may carry the signed messages of others, and its number as a node.
pub(crate) const NODE: (&str, &str) = ("logistics", "00000003");
/// The forms that the pilot's departments take.
const TAKES: &[&str] = &["xml", "dxp", "countersigned"];

/// One party of the pilot.
pub(crate) struct Party {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) role: &'static str,
    pub(crate) department: Option<&'static str>,
    /// Customs registration code; empty for none.
    pub(crate) code: &'static str,
    pub(crate) may_send: &'static [&'static str],
    pub(crate) key: KeyKind,
    pub(crate) dxp_id: &'static str,
}

const fn enterprise(
    id: &'static str,
    name: &'static str,
    code: &'static str,
    may_send: &'static [&'static str],
    key: KeyKind,
    dxp_id: &'static str,
) -> Party {
    Party { id, name, role: "enterprise", department: None, code, may_send, key, dxp_id }
}

const fn department(
    id: &'static str,
    name: &'static str,
    may_send: &'static [&'static str],
    dxp_id: &'static str,
) -> Party {
    let key = KeyKind::P256;
    Party { id, name, role: "department", department: Some(id), code: "", may_send, key, dxp_id }
}

const fn overseer(id: &'static str, name: &'static str) -> Party {
    let (role, key) = (id, KeyKind::P256);
    Party { id, name, role, department: None, code: "", may_send: &[], key, dxp_id: "" }
}

/// Everybody.
pub(crate) const PARTIES: &[Party] = &[
    enterprise(
        "platform",
        "测试电商平台甲公司",
        "440466T001",
        &["CEB311Message", "CEB303Message", "PaymentDataMessage"],
        KeyKind::Rsa2048,
        "DXPENT0000000001",
    ),
    enterprise(
        "payment",
        "测试支付乙公司",
        "440466T002",
        &["CEB411Message", "CEB403Message", "SettlementRequestMessage"],
        KeyKind::P256,
        "DXPENT0000000002",
    ),
    enterprise(
        "logistics",
        "测试物流丙公司",
        "440466T003",
        &[
            "CEB511Message",
            "CEB513Message",
            "CEB505Message",
            "CEB507Message",
            "CEB509Message",
            "LogisticsEventMessage",
        ],
        KeyKind::P256,
        "DXPENT0000000003",
    ),
    enterprise(
        "declarant",
        "测试报关丁公司",
        "440466T004",
        &[
            "CEB621Message",
            "CEB623Message",
            "CEB625Message",
            "CEB603Message",
            "CEB605Message",
            "CEB607Message",
            "CEB701Message",
            "CEB213Message",
            "QuarantineRequestMessage",
            "TransitMessage",
            "TaxGuaranteeMessage",
        ],
        KeyKind::Rsa2048,
        "DXPENT0000000004",
    ),
    enterprise(
        "site",
        "测试监管场所戊公司",
        "440466T005",
        &["CEB711Message", "CEB215Message", "GateEventMessage", "StockEventMessage"],
        KeyKind::P256,
        "DXPENT0000000005",
    ),
    enterprise(
        "merchant",
        "测试电商企业己公司",
        "440466T006",
        &[
            "EnterpriseFilingMessage",
            "ProductFilingMessage",
            "PurchaseRegistrationMessage",
            "ContractMessage",
            "RefundClaimMessage",
            "ProofRequestMessage",
            "AfterSaleMessage",
            "StatisticsReportMessage",
        ],
        KeyKind::P256,
        "DXPENT0000000006",
    ),
    department(
        "customs",
        "测试海关",
        &[
            "CEB312Message",
            "CEB412Message",
            "CEB512Message",
            "CEB514Message",
            "CEB622Message",
            "CEB624Message",
            "CEB626Message",
            "CEB712Message",
            "CEB816Message",
            "CEB818Message",
            "CEB304Message",
            "CEB404Message",
            "CEB506Message",
            "CEB508Message",
            "CEB510Message",
            "CEB604Message",
            "CEB606Message",
            "CEB608Message",
            "CEB702Message",
            "CEB792Message",
            "CEB214Message",
            "CEB216Message",
            "CEB900Message",
            "ZoneReturnMessage",
        ],
        "DXPEDCCEB0000002",
    ),
    department(
        "tax",
        "测试税务",
        &["TaxReturnMessage", "RefundResultMessage", "ZoneReturnMessage"],
        "DXPTAX0000000001",
    ),
    department(
        "forex",
        "测试外汇管理",
        &["SettlementResultMessage", "ZoneReturnMessage"],
        "DXPFEX0000000001",
    ),
    department(
        "inspection",
        "测试检验检疫",
        &["QuarantineResultMessage", "ZoneReturnMessage"],
        "DXPINS0000000001",
    ),
    department("commerce", "测试商务", &["ZoneReturnMessage"], "DXPCOM0000000001"),
    department("market", "测试市场监管", &["ZoneReturnMessage"], "DXPMKT0000000001"),
    department("post", "测试邮政管理", &["ZoneReturnMessage"], "DXPPST0000000001"),
    department("transport", "测试物流主管", &["ZoneReturnMessage"], "DXPTRA0000000001"),
    department(
        "finance",
        "测试金融机构",
        &["ProofAnswerMessage", "ZoneReturnMessage"],
        "DXPFIN0000000001",
    ),
    department("government", "测试管委会", &["ZoneReturnMessage"], "DXPGOV0000000001"),
    department("park", "测试园区", &["ZoneReturnMessage"], "DXPPRK0000000001"),
    overseer("auditor", "测试审计"),
    overseer("operator", "测试运维"),
];

/// The party that has a second certificate, on an SM2 key.
pub(crate) const SM2_SIGNER: &str = "payment";
/// The name of its files in `pki/`.
pub(crate) const SM2_IDENTITY: &str = "payment-sm2";

impl Party {
    /// The party behind an id.
    pub(crate) fn by_id(id: &str) -> Option<&'static Party> {
        PARTIES.iter().find(|party| party.id == id)
    }

    /// Its section of the configuration; `more` are further certificates, by party.
    pub(crate) fn write_toml(&self, more: &[(&str, &str)], text: &mut String) {
        let quote = |items: &[&str]| {
            items.iter().map(|i| format!("\"{i}\"")).collect::<Vec<_>>().join(", ")
        };
        let own = format!("pki/{}.pem", self.id);
        let sm2 = Some(format!("pki/{SM2_IDENTITY}.pem")).filter(|_| self.id == SM2_SIGNER);
        let further = more.iter().filter(|(id, _)| *id == self.id).map(|(_, file)| *file);
        let first = std::iter::once(own.as_str()).chain(sm2.as_deref());
        let certificates: Vec<&str> = first.chain(further).collect();
        let mut line = |key: &str, value: String| {
            text.push_str(&format!("{key} = {value}\n"));
        };
        line("\n[[participant]]\nid", quote(&[self.id]));
        line("name", quote(&[self.name]));
        line("role", quote(&[self.role]));
        line("certificates", format!("[{}]", quote(&certificates)));
        if let Some(department) = self.department {
            line("department", quote(&[department]));
            line("takes", format!("[{}]", quote(TAKES)));
        }
        if !self.dxp_id.is_empty() {
            line("dxp_id", quote(&[self.dxp_id]));
        }
        if self.id == NODE.0 {
            line("node", quote(&[NODE.1]));
        }
        if !self.code.is_empty() {
            line("codes", format!("[{}]", quote(&[self.code])));
        }
        if !self.may_send.is_empty() {
            line("may_send", format!("[{}]", quote(self.may_send)));
        }
    }
}
