//! What can go wrong between us and a broker, sorted by what a person would do next.

use std::error::Error;
use std::io;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

/// Why a broker could not be reached or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The address in the configuration cannot be used.
    #[error("the broker's address cannot be used: {0}")]
    Address(String),
    /// The certificates or the key for TLS cannot be used.
    #[error("the certificates for the broker cannot be used: {0}")]
    Certificate(String),
    /// Nobody listens there, or the name does not exist.
    #[error("no broker answers at {broker}")]
    Refused {
        /// The address, without credentials.
        broker: String,
        /// What the network said.
        source: io::Error,
    },
    /// The TLS handshake failed: a certificate or key on one of the sides.
    #[error("TLS with {broker} failed")]
    Tls {
        /// The address, without credentials.
        broker: String,
        /// What TLS said.
        source: io::Error,
    },
    /// User, password, certificate or rights are not what the broker expects.
    #[error("{broker} refuses our credentials or rights: {text}")]
    Credentials {
        /// The address, without credentials.
        broker: String,
        /// The broker's words.
        text: String,
    },
    /// It took too long.
    #[error("{broker} did not answer in time")]
    Timeout {
        /// The address, without credentials.
        broker: String,
    },
    /// The connection or the channel ended.
    #[error("the connection to {broker} was lost")]
    Lost {
        /// The address, without credentials.
        broker: String,
        /// What the library said.
        source: lapin::Error,
    },
    /// A queue or exchange is not there.
    #[error("{broker} lacks a queue or exchange: {text}")]
    Missing {
        /// The address, without credentials.
        broker: String,
        /// The broker's words: they name the thing.
        text: String,
    },
    /// Something of that name exists with other arguments.
    #[error("{broker} refuses the topology: {text}")]
    Topology {
        /// The address, without credentials.
        broker: String,
        /// The broker's words: they name the thing and the argument.
        text: String,
    },
    /// The other side breaks the protocol, or speaks another one.
    #[error("{broker} does not speak as expected")]
    Protocol {
        /// The address, without credentials.
        broker: String,
        /// What the library said.
        source: lapin::Error,
    },
}

impl BrokerError {
    /// A stable name for logs, metrics and scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            BrokerError::Address(_) => "broker-address",
            BrokerError::Certificate(_) => "broker-certificate",
            BrokerError::Refused { .. } => "broker-refused",
            BrokerError::Tls { .. } => "broker-tls",
            BrokerError::Credentials { .. } => "broker-credentials",
            BrokerError::Timeout { .. } => "broker-timeout",
            BrokerError::Lost { .. } => "broker-lost",
            BrokerError::Missing { .. } => "broker-queue-missing",
            BrokerError::Topology { .. } => "broker-topology",
            BrokerError::Protocol { .. } => "broker-protocol",
        }
    }

    /// What happened and what to do, in English.
    #[must_use]
    pub fn en(&self) -> String {
        let hint = match self {
            BrokerError::Address(_) => "expected amqp://user:password@host:5672/%2f or amqps://",
            BrokerError::Certificate(_) => "expected PEM: certificates, and the key of the first",
            BrokerError::Refused { .. } => "is the broker running, and are host and port right?",
            BrokerError::Tls { .. } => {
                "check the certificates to trust, the host name in the broker's certificate, and \
                 our own certificate"
            }
            BrokerError::Credentials { .. } => {
                "check user, password, virtual host and the user's rights at the broker"
            }
            BrokerError::Timeout { .. } => "the broker may be starting, overloaded or stopped",
            BrokerError::Lost { .. } => "it is tried again by itself; nothing is lost",
            BrokerError::Missing { .. } => {
                "the gateway declares queues and exchanges when it connects: is it running, with \
                 this broker? it is tried again by itself"
            }
            BrokerError::Topology { .. } => {
                "a queue or exchange of that name exists with other arguments: remove it when it \
                 is empty, or give the gateway a virtual host of its own"
            }
            BrokerError::Protocol { .. } => "is this port the AMQP port of a RabbitMQ?",
        };
        format!("{self}{}; {hint}", self.cause())
    }

    /// What happened and what to do, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        let text = match self {
            BrokerError::Address(why) => {
                format!(
                    "消息代理地址无效（{why}）；应为 amqp://用户:密码@主机:5672/%2f 或 amqps://"
                )
            }
            BrokerError::Certificate(why) => {
                format!("消息代理的证书或私钥无效（{why}）；应为 PEM 格式，私钥与首个证书对应")
            }
            BrokerError::Refused { broker, .. } => {
                format!("无法连接消息代理 {broker}；请确认其已启动，主机与端口正确")
            }
            BrokerError::Tls { broker, .. } => {
                format!("与 {broker} 的 TLS 握手失败；请检查信任证书、主机名与本方证书")
            }
            BrokerError::Credentials { broker, text } => {
                format!("{broker} 拒绝登录或权限不足（{text}）；请检查用户、密码、虚拟主机与权限")
            }
            BrokerError::Timeout { broker } => {
                format!("{broker} 未在规定时间内应答；可能正在启动、过载或已停止")
            }
            BrokerError::Lost { broker, .. } => {
                format!("与 {broker} 的连接中断；系统将自动重连，数据不会丢失")
            }
            BrokerError::Missing { broker, text } => {
                format!(
                    "{broker} 上缺少队列或交换机（{text}）；网关连接后会自动声明，请确认网关已启动"
                )
            }
            BrokerError::Topology { broker, text } => {
                format!(
                    "{broker} 拒绝队列或交换机声明（{text}）；同名对象参数不同，请在其为空时删除"
                )
            }
            BrokerError::Protocol { broker, .. } => {
                format!("{broker} 的应答不符合 AMQP 0-9-1；请确认该端口属于 RabbitMQ")
            }
        };
        format!("{text}{}", self.cause())
    }

    fn cause(&self) -> String {
        self.source().map(|cause| format!(" ({cause})")).unwrap_or_default()
    }
}

/// Sorts an error of the library.
pub(super) fn sort(broker: String, source: lapin::Error) -> BrokerError {
    match source.kind() {
        ErrorKind::IOError(io) => sort_io(broker, io),
        ErrorKind::ProtocolError(said) => {
            let text = said.get_message().to_string();
            match said.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)
                | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                    BrokerError::Credentials { broker, text }
                }
                AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => {
                    BrokerError::Missing { broker, text }
                }
                AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => {
                    BrokerError::Topology { broker, text }
                }
                _ => BrokerError::Lost { broker, source },
            }
        }
        ErrorKind::ParsingError(_)
        | ErrorKind::InvalidProtocolVersion(_)
        | ErrorKind::SerialisationError(_)
        | ErrorKind::AuthProviderError(_) => BrokerError::Protocol { broker, source },
        _ => BrokerError::Lost { broker, source },
    }
}

fn sort_io(broker: String, error: &io::Error) -> BrokerError {
    // The library keeps the error behind a shared pointer: kind and words are copied.
    let source = io::Error::new(error.kind(), error.to_string());
    if tls_error(error) {
        return BrokerError::Tls { broker, source };
    }
    match error.kind() {
        io::ErrorKind::TimedOut => BrokerError::Timeout { broker },
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::NotFound
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => BrokerError::Refused { broker, source },
        _ => BrokerError::Lost { broker, source: source.into() },
    }
}

fn tls_error(error: &io::Error) -> bool {
    let mut cause = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    while let Some(inner) = cause {
        if inner.is::<rustls::Error>() {
            return true;
        }
        // An io error inside hides what it wraps from `source`.
        cause = match inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => inner.source(),
        };
    }
    error.kind() == io::ErrorKind::InvalidData || error.kind() == io::ErrorKind::InvalidInput
}
