//! The course of a document at customs: the statuses it is given, one after the other
//! (norm of 2022-05, `returnStatus`), and the text that comes with each. Decided by the
//! type, what is asked for, and what its goods are subject to. Pure.

use crate::MappingError;
use crate::control::{Control, control};
use crate::declaration::{Change, Declaration};
use crate::form::status;

/// Laid by at the port, not declared.
const STAGED: &str = "1";
/// Sent to customs.
const SENT: &str = "3";
/// Detained, handed to those who make the law apply.
const DETAINED: &str = "503";
/// Handed over to another authority.
const HANDED_OVER: &str = "505";
/// Suspended until somebody asks.
const SUSPENDED: &str = "600";
/// Sent back abroad.
const SENT_BACK: &str = "700";
/// Closed.
const CLOSED: &str = "899";

use status::{CONCLUDED, IN_WORK, INSPECTION, REFUSED, RELEASED, REVIEW, STORED};

type Course = &'static [&'static str];

/// The statuses of a document in their order.
///
/// # Errors
/// When it does not say what it does.
pub(super) fn course(one: &Declaration<'_>) -> Result<Course, MappingError> {
    if one.head.optional("appStatus").as_deref() == Some(STAGED) {
        return Ok(&[STAGED]);
    }
    let deleted = one.head.change()? == Change::Deleted;
    Ok(match one.shape.kind {
        "list" if deleted => &[IN_WORK, STORED, CONCLUDED],
        "list" => import(one),
        "export-list" if deleted => &[IN_WORK, SENT, CONCLUDED],
        "export-list" => export(control(&one.lines)),
        "export-return" => export_return(control(&one.lines)),
        // These three are never stored: the norm has no 120 for them.
        "waybill-status" | "export-cancellation" | "summary" => &[IN_WORK, CONCLUDED],
        "cancellation" | "return" => &[IN_WORK, STORED, CONCLUDED],
        "order" | "payment" | "delivery" => &[IN_WORK, STORED],
        "waybill" if one.shape == &crate::shape::WAYBILL => &[IN_WORK, STORED],
        // What is for export goes from the port to customs as a message of its own.
        _ => &[IN_WORK, SENT, STORED],
    })
}

fn import(one: &Declaration<'_>) -> Course {
    // What comes from a bonded warehouse is closed when it is let go.
    let bonded = one.head.optional("tradeMode").as_deref() == Some("1210");
    match control(&one.lines) {
        Control::Free if bonded => &[IN_WORK, STORED, RELEASED, CLOSED],
        Control::Free => &[IN_WORK, STORED, RELEASED],
        Control::Review => &[IN_WORK, STORED, REVIEW, RELEASED],
        Control::Joint => &[IN_WORK, STORED, INSPECTION, RELEASED],
        Control::Abroad => &[IN_WORK, STORED, REVIEW, SENT_BACK],
        Control::Detained => &[IN_WORK, STORED, INSPECTION, DETAINED],
        Control::Refused => &[IN_WORK, REFUSED],
    }
}

/// An export list is not opened by itself; a person decides.
fn export(control: Control) -> Course {
    match control {
        Control::Free | Control::Abroad => &[IN_WORK, SENT, STORED, RELEASED, CLOSED],
        Control::Review | Control::Joint => &[IN_WORK, SENT, STORED, REVIEW, RELEASED, CLOSED],
        Control::Detained | Control::Refused => &[IN_WORK, SENT, REVIEW, REFUSED],
    }
}

fn export_return(control: Control) -> Course {
    match control {
        Control::Free => &[IN_WORK, SENT, STORED, RELEASED],
        Control::Review => &[IN_WORK, SENT, STORED, REVIEW, RELEASED],
        Control::Joint => &[IN_WORK, SENT, STORED, INSPECTION, RELEASED],
        Control::Detained => &[IN_WORK, SENT, STORED, INSPECTION, HANDED_OVER],
        Control::Abroad => &[IN_WORK, SENT, STORED, SUSPENDED],
        Control::Refused => &[IN_WORK, SENT, REFUSED],
    }
}

/// Whether customs has the document and has numbered it.
pub(super) fn is_stored(step: &str) -> bool {
    !matches!(step, STAGED | IN_WORK | SENT | REFUSED)
}

/// The text of a step: the wording of the field, with the sender's guid in the first.
///
/// # Errors
/// When the document has no guid.
pub(super) fn info(step: &str, one: &Declaration<'_>) -> Result<String, MappingError> {
    let told = match step {
        STAGED => return Ok(format!("电子口岸已暂存[{}]", one.head.required("guid")?)),
        IN_WORK => {
            let change = match one.head.change()? {
                Change::New => "新增",
                Change::Changed => "变更",
                Change::Deleted => "删除",
            };
            return Ok(format!("{change}申报成功[{}]", one.head.required("guid")?));
        }
        SENT => "发送海关成功",
        REFUSED => "海关退单：商品不得以本方式进出境",
        STORED => "[Code:1800;Desc:逻辑校验通过]",
        REVIEW => "[Code:1200;Desc:待人工审核]",
        CONCLUDED => "海关审结",
        INSPECTION => "查验",
        DETAINED => "扣留移送法规部门",
        HANDED_OVER => "移交",
        SUSPENDED => "挂起",
        SENT_BACK => "退运",
        RELEASED => "[Code:2600;Desc:放行]",
        CLOSED => "结关",
        other => other,
    };
    Ok(told.to_owned())
}
