//! Exchange, queues and bindings as data. In come the names of departments and
//! participants, out goes a plan that can be shown, compared and declared. Declaring
//! it twice changes nothing; declaring it over something different is an error.

use std::fmt;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use crate::broker::{Broker, BrokerError};

pub use plan::Standing;

mod plan;

/// The topic exchange every message goes through.
pub const EXCHANGE: &str = "onepoint.messages";
/// The queue of departments' signed answers, and the exchange they publish them to. An
/// exchange of its own, since a right on the default exchange would be one on every queue.
pub const ANSWERS: &str = "onepoint.answers";
/// The queue of vendors' messages, and the exchange they publish them to.
pub const INTAKE: &str = "onepoint.intake";
/// The queue for what could not be handled, and the exchange for what is put there by hand
/// together with the reason.
pub const DEAD: &str = "onepoint.dead";
/// How often a message is given out before it goes to [`DEAD`].
pub const DELIVERY_LIMIT: i64 = 20;
/// Messages a queue holds before it refuses more; the outbox keeps the rest.
pub const QUEUE_LENGTH: i64 = 1_000_000;
/// The longest name of a department or participant, in bytes.
pub const NAME_BYTES: usize = 100;
/// The longest routing key (AMQP 0-9-1, section 1.1: a short string), in bytes.
pub const ROUTING_KEY_BYTES: usize = 255;

/// The queue a department reads.
#[must_use]
pub fn department_queue(department: &str) -> String {
    format!("onepoint.dept.{department}")
}

/// The queue a participant reads its receipts and answers from.
#[must_use]
pub fn receipt_queue(participant: &str) -> String {
    format!("onepoint.receipts.{participant}")
}

/// A routing key with the department first: `tax.import.order.CEB311Message`.
///
/// # Errors
/// When a word is empty or holds anything but ASCII letters, digits, `-` and `_`, or
/// the key is longer than [`ROUTING_KEY_BYTES`].
pub fn routing_key(department: &str, route: &[&str]) -> Result<String, TopologyError> {
    check("department", department, is_word)?;
    for word in route {
        check("word of a routing key", word, is_word)?;
    }
    let key = [&[department], route].concat().join(".");
    match key.len() {
        0..=ROUTING_KEY_BYTES => Ok(key),
        _ => Err(TopologyError::Name { what: "routing key", name: key }),
    }
}

/// All that must exist at the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    exchanges: Vec<Exchange>,
    queues: Vec<Queue>,
    bindings: Vec<Binding>,
}

/// A durable exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// How it chooses queues.
    pub kind: Kind,
}

/// How an exchange chooses queues (AMQP 0-9-1, section 3.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By the pattern of the binding.
    Topic,
    /// All that are bound.
    Fanout,
}

/// A durable queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its arguments, in a fixed order.
    pub arguments: Vec<(&'static str, Argument)>,
}

/// The value of a queue's argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A long string.
    Text(&'static str),
    /// A 64 bit number.
    Number(i64),
    /// A boolean.
    Flag(bool),
}

/// A queue reads these keys of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Where from.
    pub exchange: String,
    /// Where to.
    pub queue: String,
    /// The pattern of the topic exchange.
    pub key: String,
}

impl Topology {
    /// The topology for these departments and participants, each given once.
    ///
    /// # Errors
    /// The first name that is empty, too long, given twice, or holds a character that
    /// has a meaning in routing keys.
    pub fn new<D: AsRef<str>, P: AsRef<str>>(
        departments: &[D],
        participants: &[P],
    ) -> Result<Topology, TopologyError> {
        let mut topology = Topology::default();
        topology.exchanges.push(Exchange { name: EXCHANGE.to_owned(), kind: Kind::Topic });
        topology.add_entrance(DEAD, vec![QUORUM])?;
        topology.add_entrance(ANSWERS, guarded())?;
        topology.add_entrance(INTAKE, guarded())?;
        for department in departments.iter().map(AsRef::as_ref) {
            check("department", department, is_word)?;
            let queue = department_queue(department);
            let mut arguments = guarded();
            // One reader at a time: what is in order in the queue is handled in order.
            arguments.push(("x-single-active-consumer", Argument::Flag(true)));
            topology.add(Queue { name: queue.clone(), arguments })?;
            topology.bindings.push(Binding {
                exchange: EXCHANGE.to_owned(),
                queue,
                key: format!("{department}.#"),
            });
        }
        for participant in participants.iter().map(AsRef::as_ref) {
            check("participant", participant, is_dotted_word)?;
            topology.add(Queue { name: receipt_queue(participant), arguments: guarded() })?;
        }
        Ok(topology)
    }

    /// Durable exchanges.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// Durable queues.
    #[must_use]
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// Which keys of which exchange go where.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// A queue with an exchange of the same name in front of it.
    fn add_entrance(
        &mut self,
        name: &str,
        arguments: Vec<(&'static str, Argument)>,
    ) -> Result<(), TopologyError> {
        self.exchanges.push(Exchange { name: name.to_owned(), kind: Kind::Fanout });
        self.bindings.push(Binding {
            exchange: name.to_owned(),
            queue: name.to_owned(),
            key: String::new(),
        });
        self.add(Queue { name: name.to_owned(), arguments })
    }

    fn add(&mut self, queue: Queue) -> Result<(), TopologyError> {
        if self.queues.iter().any(|known| known.name == queue.name) {
            return Err(TopologyError::Twice { name: queue.name });
        }
        self.queues.push(queue);
        Ok(())
    }

    /// Makes all of it exist. Doing it again changes nothing.
    ///
    /// # Errors
    /// `broker-topology` when something of a name exists with other arguments: the
    /// channel is closed by then; otherwise what the connection says.
    pub async fn declare(&self, broker: &Broker, channel: &Channel) -> Result<(), BrokerError> {
        for exchange in &self.exchanges {
            broker.answered(exchange.declare(channel)).await?;
        }
        for queue in &self.queues {
            broker.answered(queue.declare(channel)).await?;
        }
        for binding in &self.bindings {
            broker.answered(binding.declare(channel)).await?;
        }
        Ok(())
    }
}

impl Exchange {
    async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let kind = match self.kind {
            Kind::Topic => ExchangeKind::Topic,
            Kind::Fanout => ExchangeKind::Fanout,
        };
        let (name, none) = (self.name.as_str().into(), FieldTable::default());
        channel.exchange_declare(name, kind, options, none).await
    }
}

impl Binding {
    async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let (queue, exchange) = (self.queue.as_str().into(), self.exchange.as_str().into());
        let (key, none) = (self.key.as_str().into(), FieldTable::default());
        channel.queue_bind(queue, exchange, key, QueueBindOptions::default(), none).await
    }
}

impl Queue {
    async fn declare(&self, channel: &Channel) -> lapin::Result<lapin::Queue> {
        let options = QueueDeclareOptions::durable();
        channel.queue_declare(self.name.as_str().into(), options, self.table()).await
    }

    fn table(&self) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, value) in &self.arguments {
            let value = match value {
                Argument::Text(text) => AMQPValue::LongString((*text).into()),
                Argument::Number(number) => AMQPValue::LongLongInt(*number),
                Argument::Flag(flag) => AMQPValue::Boolean(*flag),
            };
            table.insert((*name).into(), value);
        }
        table
    }
}

const QUORUM: (&str, Argument) = ("x-queue-type", Argument::Text("quorum"));

/// A queue that loses nothing: what cannot be handled goes to [`DEAD`], and leaves
/// this queue only when it has arrived there. That strategy needs `reject-publish`.
fn guarded() -> Vec<(&'static str, Argument)> {
    vec![
        QUORUM,
        ("x-delivery-limit", Argument::Number(DELIVERY_LIMIT)),
        ("x-max-length", Argument::Number(QUEUE_LENGTH)),
        ("x-overflow", Argument::Text("reject-publish")),
        // The default exchange cannot be removed, nor its bindings.
        ("x-dead-letter-exchange", Argument::Text("")),
        ("x-dead-letter-routing-key", Argument::Text(DEAD)),
        ("x-dead-letter-strategy", Argument::Text("at-least-once")),
    ]
}

impl fmt::Display for Topology {
    /// The plan, one thing a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for exchange in &self.exchanges {
            writeln!(f, "{exchange}")?;
        }
        for queue in &self.queues {
            writeln!(f, "{queue}")?;
        }
        for binding in &self.bindings {
            writeln!(f, "{binding}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Topic => "topic",
            Kind::Fanout => "fanout",
        };
        write!(f, "exchange {} {kind} durable", self.name)
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue {} durable", self.name)?;
        self.arguments.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Binding { exchange, queue, key } = self;
        let key = if key.is_empty() { "(all)" } else { key };
        write!(f, "binding {exchange} {key} -> {queue}")
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Text(text) => write!(f, "{text:?}"),
            Argument::Number(number) => write!(f, "{number}"),
            Argument::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// Why a topology cannot be made from these names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// A name that cannot be part of a queue's name or a routing key.
    #[error("the {what} {name:?} cannot be a name at the broker")]
    Name {
        /// What the name is for.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Two things would get the same queue.
    #[error("the queue {name:?} would exist twice")]
    Twice {
        /// The queue's name.
        name: String,
    },
}

impl TopologyError {
    /// A stable name for logs and scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            TopologyError::Name { .. } => "topology-name",
            TopologyError::Twice { .. } => "topology-twice",
        }
    }

    /// What is wrong and what is expected, in English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            TopologyError::Name { .. } => format!(
                "{self}; expected 1 to {NAME_BYTES} ASCII letters, digits, - and _ (for \
                 participants also .), at most {ROUTING_KEY_BYTES} bytes in a whole routing key"
            ),
            TopologyError::Twice { .. } => format!("{self}; give every name once"),
        }
    }

    /// What is wrong and what is expected, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            TopologyError::Name { name, .. } => format!(
                "名称 {name:?} 不能用于消息代理；应为 1 至 {NAME_BYTES} 个 ASCII 字母、数字、- 或 _\
                 （参与方还可含 .），整个路由键不超过 {ROUTING_KEY_BYTES} 字节"
            ),
            TopologyError::Twice { name } => format!("队列 {name:?} 重复；每个名称只能出现一次"),
        }
    }
}

fn check(what: &'static str, name: &str, ok: fn(u8) -> bool) -> Result<(), TopologyError> {
    if (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(ok) {
        return Ok(());
    }
    Err(TopologyError::Name { what, name: name.to_owned() })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn is_dotted_word(byte: u8) -> bool {
    is_word(byte) || byte == b'.'
}

#[cfg(test)]
mod tests;
