//! An answer in the envelope of the exchange, ready to be signed. In come the answer and
//! who sends to whom; out comes a [`DxpMsg`]. The business keys in it say which delivery and
//! which message are answered, under the department's signature.

use jiff::Timestamp;
use onepoint_envelope::dxp::{AddInfo, BizKey, DxpMsg};

use crate::Answer;

/// Name of the business key that holds the id of the delivery.
pub const KEY_DELIVERY: &str = "delivery";
/// Name of the business key that holds the gateway's id of the message.
pub const KEY_MESSAGE: &str = "message";

/// The envelope of an answer. The bounds of the envelope are checked when it is parsed.
#[must_use]
pub fn dxp_for(answer: &Answer, sender: &str, receiver: &str, at: Timestamp) -> DxpMsg {
    let key = |name: &str, value: &str| BizKey { name: name.to_owned(), value: value.to_owned() };
    DxpMsg {
        cop_msg_id: answer.id.clone(),
        sender_id: sender.to_owned(),
        receiver_ids: vec![receiver.to_owned()],
        creat_time: at.to_string(),
        msg_type: answer.message_type.to_owned(),
        data: answer.xml.as_bytes().to_vec(),
        add_info: Some(AddInfo {
            // The exchange's convention for file names.
            file_name: Some(format!("{}_{}.xml", answer.message_type, answer.id)),
            biz_keys: vec![key(KEY_DELIVERY, &answer.delivery), key(KEY_MESSAGE, &answer.message)],
            ..AddInfo::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::MAX_ID;
    use crate::tests::{all, example, incoming, now, parse};

    /// Every answer of every department to the longest ids there can be.
    fn answers() -> Vec<Answer> {
        let (delivery, message) = ("d".repeat(MAX_ID), "<&>\"".repeat(MAX_ID / 4));
        let mut answers = Vec::new();
        for (department, message_type) in all() {
            let body = example(message_type);
            let incoming = incoming(message_type, &[0], &body);
            let incoming = crate::Incoming { delivery: &delivery, message: &message, ..incoming };
            answers.extend(department.map(&incoming, now()).unwrap().answers);
        }
        answers
    }

    #[test]
    fn an_envelope_reads_back_as_it_was_made() {
        let answers = answers();
        assert!(answers.len() > all().count());
        for answer in &answers {
            let envelope = dxp_for(answer, "DXPGOV0000000001", "DXPENT0000000001", now());
            let read = DxpMsg::parse(&parse(&envelope.to_xml())).unwrap();
            assert_eq!(read, envelope);
            assert_eq!(read.cop_msg_id, answer.id);
            assert_eq!(read.msg_type, answer.message_type);
            assert_eq!(read.data, answer.xml.as_bytes());
            assert_eq!(read.sender_id, "DXPGOV0000000001");
            assert_eq!(read.receiver_ids, ["DXPENT0000000001"]);
            assert_eq!(read.biz_key(KEY_DELIVERY), Some(answer.delivery.as_str()));
            assert_eq!(read.biz_key(KEY_MESSAGE), Some(answer.message.as_str()));
        }
    }

    #[test]
    fn addresses_out_of_bounds_are_for_the_envelope_to_refuse() {
        let answers = answers();
        let answer = answers.first().unwrap();
        let sender = "S".repeat(17);
        assert!(dxp_for(answer, &sender, "R", now()).check().is_err());
        assert!(dxp_for(answer, "S", "", now()).check().is_err());
    }
}
