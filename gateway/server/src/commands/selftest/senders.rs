//! The senders: several streams, each one letter after the other, all at the same time,
//! until the gateway is gone. In come letters, out go records of what was sent and what
//! was answered. What got no answer is kept and sent again when the gateway is back.

use std::sync::Arc;

use onepoint_relay::client::HttpClient;
use serde_json::Value;

use super::evidence::{Answer, Evidence, Record};
use super::letters::{KINDS, Letter, Next, Writer};
use super::plan::Random;
use super::sandbox::{Clients, Sandbox};
use crate::commands::Failure;
use crate::json::Look;

/// Streams of one firm.
const STREAMS_EACH: u64 = 2;
/// Tries of one letter while the gateway is up; it may say that its disk is full.
const TRIES_MAX: usize = 5;

/// One stream of letters.
#[derive(Debug)]
pub(super) struct Stream {
    party: &'static str,
    writer: Writer,
    /// Sent, without an answer so far.
    open: Vec<Arc<Letter>>,
}

/// What became of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Answer,
    Nothing,
}

/// All streams of a sandbox.
pub(super) fn streams(sandbox: &Sandbox, random: &mut Random) -> Result<Vec<Stream>, Failure> {
    let all = STREAMS_EACH * KINDS.len() as u64;
    let mut streams = Vec::new();
    for number in 0..STREAMS_EACH {
        for (at, kind) in (0..).zip(&KINDS) {
            let signer = sandbox.signer(kind.party)?;
            let place = (number * KINDS.len() as u64 + at, all);
            let writer = Writer::new(kind, signer, random.next(), place);
            streams.push(Stream { party: kind.party, writer, open: Vec::new() });
        }
    }
    Ok(streams)
}

impl Stream {
    /// Sends letter after letter until the gateway is gone.
    pub(super) async fn run(
        mut self,
        clients: Arc<Clients>,
        evidence: Arc<Evidence>,
    ) -> Result<Stream, Failure> {
        let client = clients.of(self.party)?;
        loop {
            let next = self.writer.next()?;
            let heard = match &next {
                Next::Again(letter) => hand_in(&client, letter, &evidence).await,
                Next::New(letter) => {
                    self.first(letter, &evidence);
                    hand_in(&client, letter, &evidence).await
                }
                Next::Twins(letter) => {
                    self.first(letter, &evidence);
                    let (one, other) = tokio::join!(
                        hand_in(&client, letter, &evidence),
                        hand_in(&client, letter, &evidence)
                    );
                    // The other one is sent again together with it.
                    if one == Heard::Answer { other } else { one }
                }
            };
            if heard == Heard::Nothing {
                return Ok(self);
            }
            self.close();
        }
    }

    /// Sends again what has no answer.
    pub(super) async fn again(
        mut self,
        clients: Arc<Clients>,
        evidence: Arc<Evidence>,
    ) -> Result<Stream, Failure> {
        let client = clients.of(self.party)?;
        for letter in &self.open {
            for _ in 0..TRIES_MAX {
                if hand_in(&client, letter, &evidence).await == Heard::Answer {
                    break;
                }
            }
        }
        // What has no answer even now is a record without its answer: the checker says so.
        self.close();
        Ok(self)
    }

    fn first(&mut self, letter: &Arc<Letter>, evidence: &Evidence) {
        evidence.add(Record::Sent {
            letter: letter.number,
            party: letter.party.to_owned(),
            guid: letter.guid.clone(),
            sha256: letter.sha256.clone(),
            expected: letter.expected.clone(),
        });
        self.open.push(Arc::clone(letter));
    }

    fn close(&mut self) {
        for letter in self.open.drain(..) {
            self.writer.accepted(&letter);
        }
    }
}

async fn hand_in(client: &HttpClient, letter: &Letter, evidence: &Evidence) -> Heard {
    let sent = client.post("/v1/messages", "application/xml", letter.body.clone()).await;
    // Whatever failed: nobody has said what became of it.
    let Ok(response) = sent.as_ref() else { return Heard::Nothing };
    if response.status >= 500 {
        return Heard::Nothing;
    }
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let documents = body.items("documents").iter();
    let answer = Answer {
        status: response.status,
        verdict: body.text("verdict").to_owned(),
        code: body.text("code").to_owned(),
        id: body.text("id").to_owned(),
        documents: documents.map(|d| d.at("accepted").as_bool() == Some(true)).collect(),
        receipts: body.items("receipts").to_vec(),
    };
    evidence.add(Record::Answer { letter: letter.number, answer });
    Heard::Answer
}
