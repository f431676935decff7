//! `GET /v1/queues/{department}/events`: the queue as server-sent events (HTML Standard,
//! section 9.2). Each event is one delivery with its lease, the same JSON as a pull gives;
//! acknowledgements come by `POST …/ack`. What a stream holds unacknowledged is bounded;
//! when the reader goes away its leases run out and the deliveries are given out again.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use jiff::SignedDuration;
use onepoint_relay::pull::PulledDelivery;
use tokio::sync::mpsc;

use super::queues::{LOOK, lane, lease, load, not_pulled};
use super::routes::{App, Call, Name};
use super::{Caller, Response, ResponseBody};
use crate::clock::monotonic;
use crate::refusal::Refusal;

/// Most deliveries a stream may hold unacknowledged.
const HELD_MAX: u64 = 256;
/// A line without meaning goes out so often, so that both sides notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events between the journal and the socket.
const BUFFERED: usize = 8;

/// Opens the stream.
pub(crate) async fn events(
    call: Call<'_>,
    caller: &Caller,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let lane = lane(Name::Events, call.segment, caller)?;
    let max = usize::try_from(call.number("max", HELD_MAX, 32)?).unwrap_or(1).max(1);
    let lease = lease(&call)?;
    app.desk.lanes.pulled(&lane).ok_or_else(|| not_pulled(&lane))?;
    let (sender, receiver) = mpsc::channel(BUFFERED);
    let stream = Stream {
        app: Arc::clone(app),
        lane,
        holder: caller.id.to_string(),
        lease,
        max,
        held: Vec::new(),
        sender,
    };
    tokio::spawn(stream.run());
    let mut response = hyper::Response::new(ResponseBody::new(Events(receiver)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// One reader's stream.
struct Stream {
    app: Arc<App>,
    lane: String,
    holder: String,
    lease: SignedDuration,
    max: usize,
    /// Deliveries that went out and may not be settled yet.
    held: Vec<String>,
    sender: mpsc::Sender<Bytes>,
}

impl Stream {
    /// Works until the reader is gone or the gateway stops.
    async fn run(mut self) {
        let mut commits = self.app.commits.clone();
        let mut spoke = monotonic();
        loop {
            commits.mark_unchanged();
            match self.next().await {
                Ok(deliveries) if !deliveries.is_empty() => {
                    for delivery in deliveries {
                        if self.sender.send(event(&delivery)).await.is_err() {
                            return;
                        }
                    }
                    spoke = monotonic();
                }
                Ok(_) => {}
                Err(refusal) => {
                    tracing::warn!(lane = self.lane, code = %refusal.code, "a stream of events waits");
                }
            }
            if spoke.elapsed() >= KEEP_ALIVE {
                if self.sender.send(Bytes::from_static(b": still here\n\n")).await.is_err() {
                    return;
                }
                spoke = monotonic();
            }
            tokio::select! {
                () = self.sender.closed() => return,
                () = self.app.stop.cancelled() => return,
                _ = tokio::time::timeout(LOOK, commits.changed()) => {}
            }
        }
    }

    async fn next(&mut self) -> Result<Vec<PulledDelivery>, Refusal> {
        let Some(leases) = self.app.desk.lanes.pulled(&self.lane) else { return Ok(Vec::new()) };
        let leases = &*leases;
        leases.with(|table| self.held.retain(|delivery| table.is_out(delivery)));
        let room = self.max.saturating_sub(self.held.len());
        if room == 0 {
            return Ok(Vec::new());
        }
        let desk = &self.app.desk;
        let handed = desk.hand_out(&self.lane, leases, &self.holder, self.lease, room).await?;
        let deliveries = load(handed, &self.app).await?;
        self.held.extend(deliveries.iter().map(|delivery| delivery.delivery.clone()));
        Ok(deliveries)
    }
}

/// One event. JSON of serde has no line ends within, so that one line of data is enough.
fn event(delivery: &PulledDelivery) -> Bytes {
    let data = serde_json::to_string(delivery).unwrap_or_default();
    Bytes::from(format!("event: delivery\nid: {}\ndata: {data}\n\n", delivery.delivery))
}

/// The body of the response: what comes through the channel.
struct Events(mpsc::Receiver<Bytes>);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_json_under_the_id_of_its_delivery() {
        let delivery = PulledDelivery {
            delivery: "m.tax".to_owned(),
            body: "PHg+Cg==".to_owned(),
            sender: "two\nlines".to_owned(),
            ..PulledDelivery::default()
        };
        let text = String::from_utf8(event(&delivery).to_vec()).unwrap();
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!((lines[0], lines[1]), ("event: delivery", "id: m.tax"));
        let data: PulledDelivery =
            serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data, delivery);
    }
}
