//! DXP envelopes at the door. In: a document whose root is `DxpMsg` or `DxpMsgSv`. Out: the
//! business document in its `Data`, and the Signatures of node and sender that verified. The
//! addresses in it are those of the register: a `SenderId` is the signer's own, a receiver is
//! this gateway or a department of it, `StaNode` is the node that signed.

use jiff::Timestamp;
use onepoint_certs::{Participant, ParticipantId, Role};
use onepoint_envelope::dxp::{AROUND_MESSAGE, DXP_NAMESPACE, DxpError, DxpMsg, DxpMsgSv, SvNo};
use onepoint_envelope::xmldsig::{self, Fault, SignaturePlace};
use onepoint_xml::Document;

use super::open::{self, IN_DATA, Opened, Proven};
use super::{
    EnvelopeFacts, Form, Origin, PLACE, Proof, Trust, message_type, parse, policy_of,
    signature_refusal, signer,
};
use crate::intake::Received;
use crate::refusal::{Place, Refusal, Stage};

/// Where the message of a `DxpMsgSv` stands.
const IN_NODE: &str = "DxpMsgSv/DxpMsg";
/// Text encodings of `Data` that are what a document has to be in.
const UTF_8: [&str; 2] = ["utf-8", "utf8"];

/// Opens an envelope.
///
/// # Errors
/// The codes of the crate envelope for its shape and Signature, `sender-unknown`, and
/// `dxp-sender-unknown`, `dxp-sender-mismatch`, `dxp-receiver-unknown`, `dxp-type-mismatch`,
/// `dxp-encoding`, `dxp-node-…`, `envelope-nested`.
pub(super) fn open<'t>(
    document: &Document,
    received: &Received,
    trust: &'t Trust,
) -> Result<Opened<'t>, Refusal> {
    let at = received.at();
    if document.root().name().local == "DxpMsg" {
        let message = DxpMsg::parse(document).map_err(|error| refused(&error, "DxpMsg"))?;
        return of_message(document, &message, None, trust, at);
    }
    let whole = DxpMsgSv::parse(document).map_err(|error| refused(&error, "DxpMsgSv"))?;
    let node = node(document, whole.number(), trust, at)?;
    // Its own Signature is verified as a document of its own, as its sender signed it.
    let message = parse(whole.message_text().as_bytes().to_vec(), &trust.limits)?;
    of_message(&message, whole.message(), Some((node, whole.number())), trust, at).map_err(
        |refusal| match &refusal.place {
            Some(place) if place.within.is_empty() => refusal.within(IN_NODE),
            _ => refusal,
        },
    )
}

fn of_message<'t>(
    document: &Document,
    message: &DxpMsg,
    node: Option<(Proven<'t>, &SvNo)>,
    trust: &'t Trust,
    at: Timestamp,
) -> Result<Opened<'t>, Refusal> {
    let sender = check_addresses(document, message, trust)?;
    let proof = signature(document, &PLACE, (Form::Dxp, sender), trust, at)?;
    let envelope = EnvelopeFacts {
        cop_msg_id: message.cop_msg_id.clone(),
        sender_id: message.sender_id.clone(),
        receiver_ids: message.receiver_ids.clone(),
        signed: proof.is_some(),
        node_msg_id: node.as_ref().map(|(_, number)| number.msg_id.clone()),
    };
    let named = proof.is_none().then_some(sender);
    let mut proofs: Vec<Proven<'t>> = node.map(|(proof, _)| proof).into_iter().collect();
    proofs.extend(proof);
    let inside = open::inner(message.data.clone(), IN_DATA, &trust.limits)?;
    check_type(document, message, &inside, trust)?;
    Ok(Opened {
        document: inside,
        within: IN_DATA,
        origin: Origin::Xml,
        proofs,
        envelope: Some(envelope),
        reader: Some(sender),
        named,
    })
}

/// The Signature of an envelope, which must be that of `who`; nothing when there is none.
fn signature<'t>(
    document: &Document,
    place: &SignaturePlace,
    (form, who): (Form, &'t Participant),
    trust: &'t Trust,
    at: Timestamp,
) -> Result<Option<Proven<'t>>, Refusal> {
    let policy = policy_of(trust, Some(who), at);
    let signed = match xmldsig::verify_known(document, place, &policy, &who.certificates) {
        Ok(signed) => signed,
        Err(error) if matches!(error.fault(), Fault::Missing) => return Ok(None),
        Err(error) => return Err(signature_refusal(&error)),
    };
    let leaf = signed.certificate();
    let (found, revocation) = signer(leaf, signed.intermediates(), &policy, trust, at)?;
    if found.id != who.id {
        return Err(match form {
            Form::DxpSv => node_mismatch(&found.id),
            _ => sender_mismatch(&who.id),
        });
    }
    let used = (&policy, signed.tolerances());
    let proof = Proof::new(form, found, leaf, signed.algorithm(), used, revocation);
    Ok(Some((proof, found)))
}

/// The node that carries the message: registered, and the one that signed.
fn node<'t>(
    document: &Document,
    number: &SvNo,
    trust: &'t Trust,
    at: Timestamp,
) -> Result<Proven<'t>, Refusal> {
    let node = trust.registry.by_node(&number.sta_node).ok_or_else(|| {
        let found = &number.sta_node;
        refusal(
            403,
            "dxp-node-unknown",
            format!("StaNode {found:?} is not a registered node"),
            format!("StaNode“{found}”未登记"),
        )
        .at(place_in(document, "DxpMsgSv/SvNo/StaNode"))
        .expecting("the number of a participant that is a node")
    })?;
    if !number.msg_id.starts_with(number.sta_node.as_str()) {
        return Err(refusal(
            422,
            "dxp-node-number",
            format!("MsgId {} does not begin with the number of StaNode", number.msg_id),
            format!("MsgId {} 不以 StaNode 的节点号开头", number.msg_id),
        )
        .at(place_in(document, "DxpMsgSv/SvNo/MsgId"))
        .expecting(format!("{} and then time and number", number.sta_node)));
    }
    if let Some(own) = &trust.addresses.node
        && *own != number.end_node
    {
        return Err(refusal(
            422,
            "dxp-end-node",
            format!("EndNode {:?} is not this gateway", number.end_node),
            format!("EndNode“{}”不是本网关", number.end_node),
        )
        .at(place_in(document, "DxpMsgSv/SvNo/EndNode"))
        .expecting(own.clone()));
    }
    let proof = signature(document, &AROUND_MESSAGE, (Form::DxpSv, node), trust, at)?;
    proof.ok_or_else(|| {
        refusal(
            422,
            "dxp-node-unsigned",
            "a DxpMsgSv is taken only with the Signature of the node that sends it".to_owned(),
            "DxpMsgSv 必须由发送节点加签".to_owned(),
        )
        .at(place_in(document, "DxpMsgSv"))
        .expecting("ds:Signature as the last child of DxpMsgSv")
    })
}

/// Sender and receivers; gives the sender.
pub(crate) fn check_addresses<'t>(
    document: &Document,
    message: &DxpMsg,
    trust: &'t Trust,
) -> Result<&'t Participant, Refusal> {
    let encoding = message.add_info.as_ref().and_then(|info| info.text_encoding.as_deref());
    if let Some(found) = encoding.filter(|it| !UTF_8.contains(&it.to_ascii_lowercase().as_str())) {
        return Err(refusal(
            422,
            "dxp-encoding",
            format!("Data is declared as text in {found:?}"),
            format!("Data 声明的编码为“{found}”"),
        )
        .at(place_in(document, "DxpMsg/AddInfo/IsText/@Encode"))
        .expecting("UTF-8"));
    }
    for receiver in &message.receiver_ids {
        let department = trust.registry.by_dxp_id(receiver);
        let department = department.is_some_and(|p| p.role == Role::Department);
        if !department && trust.addresses.dxp_id.as_ref() != Some(receiver) {
            return Err(refusal(
                422,
                "dxp-receiver-unknown",
                format!("ReceiverId {receiver:?} is neither this gateway nor a department of it"),
                format!("ReceiverId“{receiver}”既不是本网关也不是其部门"),
            )
            .at(place_in(document, "DxpMsg/TransInfo/ReceiverIds/ReceiverId"))
            .expecting("the address of this gateway or of a registered department"));
        }
    }
    trust.registry.by_dxp_id(&message.sender_id).ok_or_else(|| {
        let found = &message.sender_id;
        refusal(
            403,
            "dxp-sender-unknown",
            format!("SenderId {found:?} is not registered for any participant"),
            format!("SenderId“{found}”未登记"),
        )
        .at(place_in(document, "DxpMsg/TransInfo/SenderId"))
        .expecting("the address that is registered for the sender")
    })
}

/// `MsgType` may be empty; else it names the message inside.
fn check_type(
    document: &Document,
    message: &DxpMsg,
    inside: &Document,
    trust: &Trust,
) -> Result<(), Refusal> {
    let kind = message_type(inside, &trust.catalogue).map_err(|r| r.within(IN_DATA))?;
    if message.msg_type.is_empty() || message.msg_type == kind.name {
        return Ok(());
    }
    Err(refusal(
        422,
        "dxp-type-mismatch",
        format!("MsgType is {:?}, but Data holds a {}", message.msg_type, kind.name),
        format!("MsgType 为“{}”，而 Data 中是 {}", message.msg_type, kind.name),
    )
    .at(place_in(document, "DxpMsg/TransInfo/MsgType"))
    .expecting(kind.name.clone()))
}

/// The refusal of a `SenderId` that is not that of whoever signed, or handed it in.
pub(super) fn sender_mismatch(named: &ParticipantId) -> Refusal {
    refusal(
        403,
        "dxp-sender-mismatch",
        format!("SenderId is that of {named}, who neither signed nor handed in this envelope"),
        format!("SenderId 属于 {named}，但其既未加签也未提交此信封"),
    )
    .at(path("DxpMsg/TransInfo/SenderId"))
    .expecting("the address of the participant that signs the envelope")
}

fn node_mismatch(signer: &ParticipantId) -> Refusal {
    refusal(
        403,
        "dxp-node-mismatch",
        format!("{signer} signed the DxpMsgSv, but StaNode names another node"),
        format!("DxpMsgSv 由 {signer} 加签，但 StaNode 为另一节点"),
    )
    .at(path("DxpMsgSv/SvNo/StaNode"))
    .expecting("the number of the node that signs")
}

/// An envelope that is not what the norm says.
pub(crate) fn refused(error: &DxpError, root: &'static str) -> Refusal {
    let position = error.position();
    let path = match error.path() {
        "" => root.to_owned(),
        below => format!("{root}/{below}"),
    };
    let place = Place {
        line: position.map_or(0, |at| at.line),
        column: position.map_or(0, |at| at.column),
        path,
        within: "",
    };
    Refusal::new(Stage::Authenticate, 422, error.code(), error.en(), error.zh())
        .at(place)
        .expecting(error.expected())
}

fn refusal(status: u16, code: &'static str, en: String, zh: String) -> Refusal {
    Refusal::new(Stage::Authenticate, status, code, en, zh)
}

/// Line and column of the element at `path`, or of the nearest one around it.
fn place_in(document: &Document, path: &str) -> Place {
    let mut at = document.root();
    for local in path.split('/').skip(1) {
        let Some(child) = at.child(DXP_NAMESPACE, local) else { break };
        at = child;
    }
    let position = at.position();
    let (line, column) = (position.line, position.column);
    Place { line, column, path: path.to_owned(), within: "" }
}

fn path(path: &str) -> Place {
    Place { path: path.to_owned(), ..Place::default() }
}
