//! Orders of the Hangzhou port as CEB311. In: a document `mo` of the kind `IMPORTORDER`. Out:
//! the same orders as one CEB311Message; and for a place in that, the place in the `mo` that it
//! was made of. A table says which field comes from which: it is what is written by and what
//! places are found by. What the customs norm has no field for is in the evidence alone.

use onepoint_xml::{Document, Element, Limits, Position, escape_text};
use ring::digest::{Context, SHA256};
use rust_decimal::{Decimal, RoundingStrategy};
use uuid::Builder;

use super::mo::{IMPORT_ORDER, shown};
use crate::authenticate::split;
use crate::refusal::{Place, Refusal, Stage};

/// Where elements of it stand.
pub(crate) const IN_MO: &str = "mo";
/// Orders of one message: what the customs norm takes.
const ORDERS_MAX: usize = 100;
/// Digits of a number, and those behind the point: what the customs norm takes.
const DIGITS_MAX: usize = 19;
const SCALE: u32 = 5;

const SIGN: &str = "jkfSign";
const HEAD: &str = "jkfOrderImportHead";
const LIST: &str = "jkfOrderDetailList";
const LINE: &str = "jkfOrderDetail";
const BUYER: &str = "jkfGoodsPurchaser";

/// What is made of the text of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// The text itself.
    Same,
    /// The text itself; an empty one is left out.
    Some,
    /// A constant.
    Fixed(&'static str),
    /// Something of this module's own.
    Own,
}

/// A field of the norm, the group and the field of the `mo` that it comes from.
type Field = (&'static str, &'static str, &'static str, Made);

const HEAD_FIELDS: [Field; 30] = [
    ("guid", SIGN, "businessNo", Made::Own),
    ("appType", SIGN, "declareType", Made::Same),
    ("appTime", HEAD, "tradeTime", Made::Own),
    ("appStatus", SIGN, "declareType", Made::Fixed("2")),
    ("orderType", HEAD, "ieFlag", Made::Same),
    ("orderNo", HEAD, "orderNo", Made::Same),
    ("ebpCode", HEAD, "companyCode", Made::Same),
    ("ebpName", HEAD, "companyName", Made::Same),
    ("ebcCode", HEAD, "eCommerceCode", Made::Same),
    ("ebcName", HEAD, "eCommerceName", Made::Same),
    ("goodsValue", HEAD, "orderGoodsAmount", Made::Same),
    ("freight", HEAD, "feeAmount", Made::Own),
    ("discount", HEAD, "discount", Made::Same),
    ("taxTotal", HEAD, "orderTaxAmount", Made::Same),
    ("acturalPaid", HEAD, "orderTotalAmount", Made::Own),
    ("currency", HEAD, "currCode", Made::Same),
    ("buyerRegNo", HEAD, "purchaserId", Made::Same),
    ("buyerName", BUYER, "name", Made::Same),
    ("buyerTelephone", BUYER, "telNumber", Made::Same),
    ("buyerIdType", BUYER, "paperType", Made::Own),
    ("buyerIdNumber", BUYER, "paperNumber", Made::Same),
    ("payCode", HEAD, "payCompanyCode", Made::Some),
    ("payName", HEAD, "payCompanyName", Made::Some),
    ("payTransactionId", HEAD, "payNumber", Made::Some),
    ("batchNumbers", HEAD, "batchNumbers", Made::Some),
    ("consignee", HEAD, "consignee", Made::Same),
    ("consigneeTelephone", HEAD, "consigneeTel", Made::Same),
    ("consigneeAddress", HEAD, "consigneeAddress", Made::Same),
    ("consigneeDistrict", HEAD, "consigneeDitrict", Made::Some),
    ("note", HEAD, "note", Made::Some),
];

const LINE_FIELDS: [Field; 11] = [
    ("gnum", LINE, "goodsOrder", Made::Same),
    ("itemName", LINE, "goodsName", Made::Same),
    ("gmodel", LINE, "goodsModel", Made::Same),
    ("barCode", LINE, "barCode", Made::Some),
    ("unit", LINE, "goodsUnit", Made::Same),
    ("qty", LINE, "goodsCount", Made::Same),
    ("price", LINE, "unitPrice", Made::Same),
    ("totalPrice", LINE, "unitPrice", Made::Own),
    ("currency", LINE, "currency", Made::Same),
    ("country", LINE, "originCountry", Made::Same),
    ("note", LINE, "note", Made::Some),
];

/// Who sends a message, as its last part names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'s> {
    pub(crate) dxp_id: &'s str,
    /// For a firm that the order does not name.
    pub(crate) name: &'s str,
}

/// What an order says of itself, for the answer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sign {
    pub(crate) company_code: String,
    pub(crate) business_no: String,
    pub(crate) business_type: String,
    pub(crate) declare_type: String,
}

/// The orders of `document` as one CEB311Message.
///
/// # Errors
/// `mo-root`, `mo-business-type`, `mo-orders`, `mo-element-missing`, `mo-element-twice`,
/// `mo-ceb-flag`, `mo-company-codes`. What the norm says of fields, its schema judges.
pub(crate) fn translate(document: &Document, sender: Sender<'_>) -> Result<String, Refusal> {
    let root = document.root();
    if root.name().local != "mo" {
        let name = shown(root.name().local);
        let en = format!("the root element is {name}, not mo");
        return Err(refused(root, "mo-root", en, format!("根元素为 {name}，应为 mo"), "mo"));
    }
    let kind = required(required(root, "head")?, "businessType")?;
    of_kind(kind)?;
    let list = required(required(root, "body")?, "orderInfoList")?;
    let orders: Vec<Element<'_>> = children(list, "orderInfo").collect();
    if orders.is_empty() || orders.len() > ORDERS_MAX {
        let count = orders.len();
        let en = format!("there are {count} orders");
        let expected = format!("1 to {ORDERS_MAX} orderInfo");
        return Err(refused(list, "mo-orders", en, format!("共有 {count} 个订单"), &expected));
    }
    let guids = Guids::of(document.source());
    let guid = guids.guid("");
    let mut xml = format!(
        "<CEB311Message xmlns=\"http://www.chinaport.gov.cn/ceb\" guid=\"{guid}\" version=\"1.0\">"
    );
    let mut company: Option<(String, String)> = None;
    for order in orders {
        let order = Order::of(order)?;
        let code = order.company(company.as_ref())?;
        let name = order.name_of(&code).unwrap_or_else(|| sender.name.to_owned());
        company.get_or_insert((code, name));
        order.write(&guids, &mut xml)?;
    }
    let (code, name) = company.unwrap_or_default();
    xml.push_str("<BaseTransfer>");
    element("copCode", &code, &mut xml);
    element("copName", &name, &mut xml);
    element("dxpMode", "DXP", &mut xml);
    element("dxpId", sender.dxp_id, &mut xml);
    xml.push_str("</BaseTransfer></CEB311Message>");
    Ok(xml)
}

/// One order in its groups.
struct Order<'d> {
    sign: Element<'d>,
    head: Element<'d>,
    lines: Vec<Element<'d>>,
    buyer: Element<'d>,
}

impl<'d> Order<'d> {
    fn of(order: Element<'d>) -> Result<Order<'d>, Refusal> {
        let (sign, head) = (required(order, SIGN)?, required(order, HEAD)?);
        let (list, buyer) = (required(order, LIST)?, required(order, BUYER)?);
        of_kind(required(sign, "businessType")?)?;
        if let Some(flag) = once(sign, "cebFlag")?
            && !matches!(flag.text().trim(), "" | "01" | "03")
        {
            let found = shown(&flag.text());
            let en = format!("cebFlag {found:?}: the firm makes the customs message itself");
            let zh = format!("cebFlag“{found}”：由企业自行生成总署报文");
            let expected = "01 or 03; else the CEB311Message itself by POST /v1/messages";
            return Err(refused(flag, "mo-ceb-flag", en, zh, expected));
        }
        Ok(Order { sign, head, lines: children(list, LINE).collect(), buyer })
    }

    /// The firm of the order, which has to be that of all.
    fn company(&self, before: Option<&(String, String)>) -> Result<String, Refusal> {
        let element = required(self.sign, "companyCode")?;
        let code = element.text().into_owned();
        match before.filter(|(first, _)| *first != code) {
            None => Ok(code),
            Some((first, _)) => {
                let (found, first) = (shown(&code), shown(first));
                let en = format!("companyCode is {found:?} here and {first:?} before");
                let zh = format!("companyCode 前后不一致：“{first}”、“{found}”");
                Err(refused(element, "mo-company-codes", en, zh, "one firm for all orders"))
            }
        }
    }

    fn name_of(&self, code: &str) -> Option<String> {
        let text = |name| once(self.head, name).ok().flatten().map(|e| e.text().into_owned());
        let is = |name: &'static str| text(name).is_some_and(|found| found == code);
        let pairs = [("companyCode", "companyName"), ("eCommerceCode", "eCommerceName")];
        pairs.into_iter().find(|(own, _)| is(own)).and_then(|(_, name)| text(name))
    }

    fn write(&self, guids: &Guids, xml: &mut String) -> Result<(), Refusal> {
        xml.push_str("<Order><OrderHead>");
        for (name, group, field, made) in HEAD_FIELDS {
            let group = match group {
                SIGN => self.sign,
                BUYER => self.buyer,
                _ => self.head,
            };
            let found = once(group, field)?.map(|element| element.text().into_owned());
            let text = match made {
                Made::Own => self.own(name, guids, found)?,
                made => plain(made, found),
            };
            text.iter().for_each(|text| element(name, text, xml));
        }
        xml.push_str("</OrderHead>");
        for line in &self.lines {
            xml.push_str("<OrderList>");
            for (name, _, field, made) in LINE_FIELDS {
                let found = once(*line, field)?.map(|element| element.text().into_owned());
                let text = match made {
                    Made::Own => found.zip(once(*line, "goodsCount")?).map(|(price, count)| {
                        let count = count.text();
                        // What is no number, or too great for one, the schema refuses.
                        product(&price, &count).unwrap_or_else(|| format!("{price} x {count}"))
                    }),
                    made => plain(made, found),
                };
                text.iter().for_each(|text| element(name, text, xml));
            }
            xml.push_str("</OrderList>");
        }
        xml.push_str("</Order>");
        Ok(())
    }

    /// The fields that are more than a text of the `mo`.
    fn own(
        &self,
        name: &str,
        guids: &Guids,
        found: Option<String>,
    ) -> Result<Option<String>, Refusal> {
        let head = |name| Ok(once(self.head, name)?.map(|e| e.text().into_owned()));
        Ok(match name {
            "guid" => Some(guids.guid(&head("orderNo")?.unwrap_or_default())),
            "appTime" => found.map(|time| match time.bytes().filter(u8::is_ascii_digit).count() {
                14 => time.chars().filter(char::is_ascii_digit).collect(),
                _ => time,
            }),
            "freight" => {
                let fee = found.unwrap_or_else(|| "0".to_owned());
                let insurance = head("insureAmount")?.unwrap_or_else(|| "0".to_owned());
                Some(sum(&fee, &insurance, false))
            }
            "acturalPaid" => {
                let discount = head("discount")?.unwrap_or_else(|| "0".to_owned());
                found.map(|total| sum(&total, &discount, true))
            }
            // 1 is an identity card, and anything else is not.
            _ => found.map(|kind| if kind.trim() == "01" { "1" } else { "2" }.to_owned()),
        })
    }
}

fn plain(made: Made, found: Option<String>) -> Option<String> {
    match made {
        Made::Fixed(text) => Some(text.to_owned()),
        Made::Some => found.filter(|text| !text.is_empty()),
        _ => found,
    }
}

/// A number as the norm has it.
fn number(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let good = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    (good && digits <= DIGITS_MAX).then(|| Decimal::from_str_exact(text).ok()).flatten()
}

/// `one` and `other` together, or without it; what is no number as it is.
fn sum(one: &str, other: &str, without: bool) -> String {
    match (number(one), number(other)) {
        (None, _) => one.to_owned(),
        (_, None) => other.to_owned(),
        (Some(a), Some(b)) => {
            let made = if without { a.checked_sub(b) } else { a.checked_add(b) };
            made.map_or_else(|| one.to_owned(), |made| made.normalize().to_string())
        }
    }
}

/// The product, rounded half up to what a field can hold.
fn product(one: &str, other: &str) -> Option<String> {
    let made = number(one)?.checked_mul(number(other)?)?;
    let made = made.round_dp_with_strategy(SCALE, RoundingStrategy::MidpointAwayFromZero);
    Some(made.normalize().to_string())
}

/// Numbers that are the same for the same `mo`, so that it is the same message when it comes
/// again. The text is digested once, however many orders it has.
struct Guids(Context);

impl Guids {
    fn of(source: &str) -> Guids {
        let mut context = Context::new(&SHA256);
        context.update(source.as_bytes());
        context.update(&[0]);
        Guids(context)
    }

    /// That of an order, or of the message where there is none.
    fn guid(&self, order: &str) -> String {
        let mut context = self.0.clone();
        context.update(order.as_bytes());
        let mut bytes = [0_u8; 16];
        bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Builder::from_custom_bytes(bytes).into_uuid().to_string()
    }
}

fn element(name: &str, text: &str, xml: &mut String) {
    xml.push_str(&format!("<{name}>{}</{name}>", escape_text(text)));
}

fn of_kind(element: Element<'_>) -> Result<(), Refusal> {
    let text = element.text();
    if text.trim() == IMPORT_ORDER {
        return Ok(());
    }
    let found = shown(&text);
    let (en, zh) =
        (format!("businessType {found:?} is not taken"), format!("不支持 businessType“{found}”"));
    Err(refused(element, "mo-business-type", en, zh, IMPORT_ORDER))
}

fn children<'d>(
    parent: Element<'d>,
    local: &'static str,
) -> impl Iterator<Item = Element<'d>> + use<'d> {
    parent.children().filter(move |child| child.name().local == local)
}

/// The child of that name, in whatever namespace; of two, departments could take either.
fn once<'d>(parent: Element<'d>, local: &'static str) -> Result<Option<Element<'d>>, Refusal> {
    let mut found = children(parent, local);
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(second) => {
            let (en, zh) = (format!("{local} is there twice"), format!("{local} 重复出现"));
            Err(refused(second, "mo-element-twice", en, zh, "each element once"))
        }
    }
}

fn required<'d>(parent: Element<'d>, local: &'static str) -> Result<Element<'d>, Refusal> {
    once(parent, local)?.ok_or_else(|| {
        let (en, zh) = (format!("{local} is missing"), format!("缺少 {local}"));
        refused(parent, "mo-element-missing", en, zh, local)
    })
}

fn refused(at: Element<'_>, code: &'static str, en: String, zh: String, expected: &str) -> Refusal {
    let position = at.position();
    let (line, column) = (position.line, position.column);
    Refusal::new(Stage::Authenticate, 422, code, en, zh)
        .at(Place { line, column, path: at.path(), within: IN_MO })
        .expecting(expected)
}

fn parsed(mo: &[u8]) -> Option<Document> {
    let limits = Limits { bytes: mo.len(), ..Limits::default() };
    Document::parse(mo.to_vec(), &limits).ok()
}

/// What each order of `mo` says of itself; none of what cannot be read.
pub(crate) fn signs(mo: &[u8]) -> Vec<Sign> {
    let Some(document) = parsed(mo) else { return Vec::new() };
    let child = |parent, local| children(parent, local).next();
    let list = child(document.root(), "body").and_then(|body| child(body, "orderInfoList"));
    let orders = list.into_iter().flat_map(|list| children(list, "orderInfo")).take(ORDERS_MAX);
    let sign = |order| {
        let sign = child(order, SIGN);
        let text = |name| {
            let found = sign.and_then(|sign| child(sign, name));
            found.map(|found| shown(&found.text())).unwrap_or_default()
        };
        Sign {
            company_code: text("companyCode"),
            business_no: text("businessNo"),
            business_type: text("businessType"),
            declare_type: text("declareType"),
        }
    };
    orders.map(sign).collect()
}

/// Finds places of the CEB311 form in the `mo` that it was made of.
pub(crate) struct Places(Option<Document>);

impl Places {
    pub(crate) fn of(mo: &[u8]) -> Places {
        Places(parsed(mo))
    }

    /// The element behind a path of the CEB311 form, or the nearest one around it.
    pub(crate) fn find(&self, path: &str) -> Option<(String, Position)> {
        let mut at = self.0.as_ref()?.root();
        let mut steps = path.split('/').skip(2).map(split);
        let mut down = |local: &'static str, number: usize| {
            let found = children(at, local).nth(number);
            at = found.unwrap_or(at);
            found.is_some()
        };
        let (own, number) = steps.next().unwrap_or_default();
        down("body", 0);
        down("orderInfoList", 0);
        // The last part is made of the first order.
        let order = if own == "Order" { number } else { 0 };
        if matches!(own, "Order" | "BaseTransfer") && down("orderInfo", order) {
            let (part, number) = steps.next().unwrap_or_default();
            let field = steps.next().map_or("", |(field, _)| field);
            let of = |fields: &[Field]| fields.iter().find(|it| it.0 == field).copied();
            match (own, part) {
                ("BaseTransfer", _) => _ = down(SIGN, 0) && down("companyCode", 0),
                (_, "OrderHead") => {
                    let (_, group, name, _) = of(&HEAD_FIELDS).unwrap_or(("", HEAD, "", Made::Own));
                    _ = down(group, 0) && down(name, 0);
                }
                (_, "OrderList") => {
                    let name = of(&LINE_FIELDS).map_or("", |it| it.2);
                    _ = down(LIST, 0) && down(LINE, number) && down(name, 0);
                }
                _ => {}
            }
        }
        Some((at.path(), at.position()))
    }
}

#[cfg(test)]
mod tests;
