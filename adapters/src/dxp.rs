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
