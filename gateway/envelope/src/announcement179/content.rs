//! The fields of payment data, for whoever has to judge or pass them on. In: head and lists as
//! they were signed. Out: every field as text, numbers with exactly the digits that were sent,
//! in the order in which they stand; nothing that is neither text nor number.

use serde_json::Value;

use super::{HEAD, LISTS, Payment, PaymentError};
use crate::json::{self, Member};

/// Names and texts of the fields of one object.
pub type Fields = Vec<(String, String)>;

/// The fields of payment data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// `payExchangeInfoHead`.
    pub head: Fields,
    /// `payExchangeInfoLists`.
    pub orders: Vec<Order>,
}

/// One entry of `payExchangeInfoLists`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// Its own fields.
    pub fields: Fields,
    /// `goodsInfo`.
    pub goods: Vec<Fields>,
}

/// The array of an order.
const GOODS: &str = "goodsInfo";

impl Payment {
    /// Reads head and lists. A field that is null is absent.
    ///
    /// # Errors
    /// [`PaymentError::Field`] with the JSON Pointer of what is neither text nor number.
    pub fn content(&self) -> Result<Content, PaymentError> {
        let head = fields(object(self.head())?, &format!("/{HEAD}"))?;
        let lists = json::array(self.lists()).map_err(PaymentError::json)?;
        let orders =
            lists.iter().enumerate().map(|(n, text)| order(text, &format!("/{LISTS}/{n}")));
        Ok(Content { head, orders: orders.collect::<Result<_, _>>()? })
    }
}

fn object(text: &str) -> Result<Vec<Member<'_>>, PaymentError> {
    json::object(text).map_err(PaymentError::json)
}

fn order(text: &str, at: &str) -> Result<Order, PaymentError> {
    let expected =
        |pointer: &str, expected| PaymentError::Field { pointer: pointer.to_owned(), expected };
    if !text.starts_with('{') {
        return Err(expected(at, "an object"));
    }
    let (goods, own): (Vec<Member<'_>>, Vec<Member<'_>>) =
        object(text)?.into_iter().partition(|member| member.name == GOODS);
    let mut order = Order { fields: fields(own, at)?, goods: Vec::new() };
    for member in goods {
        let at = format!("{at}/{GOODS}");
        if !member.value.is_array() {
            return Err(expected(&at, "an array"));
        }
        let list = json::array(member.raw).map_err(PaymentError::json)?;
        for (n, text) in list.iter().enumerate() {
            let at = format!("{at}/{n}");
            if !text.starts_with('{') {
                return Err(expected(&at, "an object"));
            }
            order.goods.push(fields(object(text)?, &at)?);
        }
    }
    Ok(order)
}

fn fields(members: Vec<Member<'_>>, at: &str) -> Result<Fields, PaymentError> {
    let mut fields = Vec::with_capacity(members.len());
    for Member { name, value, raw } in members {
        let text = match value {
            Value::String(text) => text,
            Value::Number(_) => raw.to_owned(),
            Value::Null => continue,
            _ => {
                let pointer = format!("{at}/{}", super::error::found(&name));
                return Err(PaymentError::Field { pointer, expected: "a text or a number" });
            }
        };
        fields.push((name, text));
    }
    Ok(fields)
}
