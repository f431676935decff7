//! What an adapter makes of a delivery, and of a reply of its back end. In come deliveries
//! and replies, out go effects, orders and signed answers. Pure but for the clock.

use std::sync::Arc;

use onepoint_adapters::dxp::{KEY_DELIVERY, KEY_MESSAGE};
use onepoint_adapters::{Department, Incoming, dxp_for};
use onepoint_certs::{Certificate, SigningKey};
use onepoint_envelope::dxp::{AddInfo, BizKey, DxpMsg};
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_relay::backend::{NewOrder, Rehearsed, Reply};
use onepoint_relay::runner::{
    Delivery, Facts, Handled, Handler, HandlerError, OutgoingAnswer, Seal,
};
use onepoint_schemas::{Catalogue, Direction};
use onepoint_xml::{Document, Limits};

use super::open;
use crate::clock::Clock;
use crate::intake::Carrier;

/// Who signs, and for whom.
pub(crate) struct Signing {
    pub(crate) chain: Vec<Certificate>,
    pub(crate) key: SigningKey,
    pub(crate) dxp_id: String,
    pub(crate) receiver: String,
}

impl Signing {
    fn sign(&self, envelope: &DxpMsg) -> Result<Vec<u8>, HandlerError> {
        let signed =
            xmldsig::sign(&envelope.to_xml(), &self.key, &self.chain, &SignOptions::default());
        let signed = signed.map_err(|error| HandlerError::new(error.code(), error.en()))?;
        Ok(signed.into_bytes())
    }
}

/// Maps a delivery and signs the answers.
pub(crate) struct DepartmentHandler {
    pub(crate) department: &'static dyn Department,
    pub(crate) signing: Arc<Signing>,
    /// With a back end it is the back end that answers.
    pub(crate) backend: Option<Ordering>,
}

/// How orders are made.
pub(crate) struct Ordering {
    pub(crate) catalogue: Arc<Catalogue>,
    /// The signed message instead of the record.
    pub(crate) message: bool,
    /// The mapping's answers go with it, for a simulator.
    pub(crate) simulated: bool,
}

impl Handler for DepartmentHandler {
    fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError> {
        let now = Clock.now();
        let body = open::document(&delivery.body)?;
        let incoming = Incoming {
            delivery: &delivery.id,
            message: &delivery.message,
            message_type: &delivery.message_type,
            documents: &delivery.documents,
            body: &body,
        };
        let outcome = self
            .department
            .map(&incoming, now)
            .map_err(|error| HandlerError::new(error.code(), error.en()))?;
        if let Some(ordering) = &self.backend {
            let rehearsed = outcome.answers.into_iter().filter(|_| ordering.simulated);
            let rehearsed =
                rehearsed.map(|answer| Rehearsed { id: answer.id, content: answer.xml });
            let (record, rehearsed) = (&outcome.effect, rehearsed.collect());
            let order = ordering.order(delivery, &body, record, rehearsed)?;
            return Ok(Handled { effect: outcome.effect, answers: Vec::new(), order: Some(order) });
        }
        let mut answers = Vec::with_capacity(outcome.answers.len());
        for answer in &outcome.answers {
            let envelope = dxp_for(answer, &self.signing.dxp_id, &self.signing.receiver, now);
            let body = self.signing.sign(&envelope)?;
            answers.push(OutgoingAnswer { id: answer.id.clone(), body });
        }
        Ok(Handled { effect: outcome.effect, answers, order: None })
    }
}

impl Ordering {
    fn order(
        &self,
        delivery: &Delivery,
        body: &[u8],
        record: &str,
        rehearsed: Vec<Rehearsed>,
    ) -> Result<NewOrder, HandlerError> {
        let document = parse(body)?;
        let meant = |index: usize| delivery.documents.iter().any(|one| *one as usize == index);
        let name = document.root().name();
        let documents = self
            .catalogue
            .by_root(name.namespace, name.local)
            .map(|kind| self.catalogue.documents(&document, kind))
            .unwrap_or_default();
        let keys = documents.into_iter().filter(|facts| meant(facts.index));
        let (content_type, content) = match self.message {
            true => (Carrier::of_body(&delivery.body).media_type(), delivery.body.clone()),
            false => ("application/json", record.as_bytes().to_vec()),
        };
        Ok(NewOrder {
            content_type: content_type.to_owned(),
            content,
            business_keys: keys.filter_map(|facts| facts.business_key).collect(),
            rehearsed,
        })
    }
}

/// Makes a signed answer of a reply.
pub(crate) struct ReplySeal {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) signing: Arc<Signing>,
}

impl Seal for ReplySeal {
    fn seal(&self, reply: &Reply, facts: &Facts) -> Result<OutgoingAnswer, HandlerError> {
        let document = parse(&reply.content)?;
        let name = document.root().name();
        let kind = self.catalogue.by_root(name.namespace, name.local);
        let Some(kind) = kind.filter(|kind| kind.direction == Direction::Answer) else {
            let text = format!("{{{}}}{} is no type of an answer", name.namespace, name.local);
            return Err(HandlerError::new("reply-type-unknown", text));
        };
        let wrong = |text| HandlerError::new("reply-invalid", text);
        if let Err(violations) = self.catalogue.validate_structure(&document, kind) {
            let first = violations.first().map(|violation| violation.en.clone());
            return Err(wrong(first.unwrap_or_default()));
        }
        for one in self.catalogue.documents(&document, kind) {
            if let Some(key) = one.business_key.filter(|key| is_of_another(key, facts)) {
                let text = format!("{key} was not in delivery {}", facts.delivery);
                return Err(HandlerError::new("reply-about-another", text));
            }
        }
        let envelope = self.envelope(reply, facts, &kind.name);
        envelope.check().map_err(|error| HandlerError::new(error.code(), error.en()))?;
        Ok(OutgoingAnswer { id: reply.id.clone(), body: self.signing.sign(&envelope)? })
    }
}

impl ReplySeal {
    fn envelope(&self, reply: &Reply, facts: &Facts, message_type: &str) -> DxpMsg {
        let key =
            |name: &str, value: &str| BizKey { name: name.to_owned(), value: value.to_owned() };
        DxpMsg {
            cop_msg_id: reply.id.clone(),
            sender_id: self.signing.dxp_id.clone(),
            receiver_ids: vec![self.signing.receiver.clone()],
            creat_time: Clock.now().to_string(),
            msg_type: message_type.to_owned(),
            data: reply.content.clone(),
            add_info: Some(AddInfo {
                file_name: Some(format!("{message_type}_{}.xml", reply.id)),
                biz_keys: vec![
                    key(KEY_DELIVERY, &facts.delivery),
                    key(KEY_MESSAGE, &facts.message),
                ],
                ..AddInfo::default()
            }),
        }
    }
}

/// Whether a key is not among those of its kind in the delivery. Of a kind that was not in
/// it, such as a tax bill's, nothing can be said here.
fn is_of_another(key: &str, facts: &Facts) -> bool {
    let kind = |key: &str| key.split('|').next().unwrap_or_default().to_owned();
    let mut same = facts.business_keys.iter().filter(|known| kind(known) == kind(key)).peekable();
    same.peek().is_some() && same.all(|known| known != key)
}

fn parse(bytes: &[u8]) -> Result<Document, HandlerError> {
    Document::parse(bytes.to_vec(), &Limits::default())
        .map_err(|error| HandlerError::new(error.code(), error.en()))
}

#[cfg(test)]
mod tests;
