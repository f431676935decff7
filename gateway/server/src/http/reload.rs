//! Handler of an operator who wants the configuration and the schema sets read again: what
//! SIGHUP does, with the outcome as the answer.

use serde_json::json;
use tokio::sync::oneshot;

use super::problem::json_answer;
use super::routes::App;
use super::{Caller, Response};
use crate::refusal::{Refusal, Stage};
use crate::reload::Outcome;

/// `POST /v1/reload`: 200 when the new configuration is in force, 422 with every fault when it
/// is not; then the old one stays.
pub(crate) async fn reload(caller: &Caller, app: &App) -> Result<Response, Refusal> {
    let (asked, outcome) = oneshot::channel();
    app.reloads.try_send(asked).map_err(|_| busy())?;
    tracing::info!(by = %caller.id, "an operator asks for the configuration to be read again");
    match outcome.await {
        Ok(Outcome::InForce { facts, registry }) => {
            Ok(json_answer(200, &json!({ "in_force": true, "facts": facts, "registry": registry })))
        }
        Ok(Outcome::Refused(faults)) => {
            let faults = faults.iter().map(|fault| {
                let file = fault.file.display().to_string();
                json!({ "file": file, "line": fault.line, "key": fault.key, "what": fault.what })
            });
            let answer = json!({
                "in_force": false, "code": "config-invalid",
                "en": "the new configuration was refused; the old one stays in force",
                "zh": "新配置未通过检查，原配置继续有效",
                "faults": faults.collect::<Vec<_>>(),
            });
            Ok(json_answer(422, &answer))
        }
        Ok(Outcome::Failed(why)) => Err(failed(&why)),
        Err(_) => Err(busy()),
    }
}

fn busy() -> Refusal {
    Refusal::new(
        Stage::Intake,
        503,
        "reload-busy",
        "others wait for a reload already",
        "已有重新加载请求在等待处理",
    )
    .expecting("a reload a few seconds later")
}

fn failed(why: &str) -> Refusal {
    Refusal::new(
        Stage::Intake,
        500,
        "reload-failed",
        format!("the configuration could not be brought into force: {why}"),
        "无法使新配置生效",
    )
    .expecting("the reason in the gateway's log")
}
