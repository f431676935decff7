//! A TCP proxy between a program under test and a server, which can behave as a bad network
//! does. In comes the server's port, out goes a port of the proxy and ways to cut, hold and
//! slow down what passes. It ends when dropped. Loopback only.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// They pass.
    Good,
    /// Nothing passes, nobody is told: as behind a cable that was pulled.
    Dead,
    /// What the server says is lost, what it is told is not.
    Deaf,
}

/// How long a held connection waits before it looks again.
const LOOK: Duration = Duration::from_millis(10);
const BUFFER: usize = 64 * 1024;

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    network: AtomicU8,
    delay_ms: AtomicU64,
    refuses: AtomicBool,
    ended: AtomicBool,
    /// Bytes of the server that were lost.
    lost: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Starts a proxy to a port of the loopback interface.
    ///
    /// # Panics
    /// When no port can be listened on.
    pub fn start(to: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, to, &state));
        Proxy { port, shared, acceptor: Some(acceptor) }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets all connections behave so from now on.
    pub fn set(&self, network: Network) {
        self.shared.network.store(network as u8, Ordering::SeqCst);
    }

    /// Each piece of bytes takes so much longer from now on.
    pub fn delay(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_ms.store(ms, Ordering::SeqCst);
    }

    /// Closes every connection, and closes new ones at once until [`Proxy::mend`].
    pub fn cut(&self) {
        self.shared.refuses.store(true, Ordering::SeqCst);
        self.drop_all();
    }

    /// Everything works again, for new connections.
    pub fn mend(&self) {
        self.drop_all();
        self.set(Network::Good);
        self.delay(Duration::ZERO);
        self.shared.refuses.store(false, Ordering::SeqCst);
    }

    /// Bytes of the server that never arrived.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    fn drop_all(&self) {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            // Closed already is as good.
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.drop_all();
        // Wakes the acceptor.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().ok();
        }
    }
}

fn accept(listener: &TcpListener, to: u16, shared: &Arc<Shared>) {
    while let Ok((client, _)) = listener.accept() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        if shared.refuses.load(Ordering::SeqCst) {
            continue;
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { continue };
        let clones = (client.try_clone(), server.try_clone());
        let (Ok(client_too), Ok(server_too)) = clones else { continue };
        let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.extend([client.try_clone(), server.try_clone()].into_iter().flatten());
        drop(open);
        let (up, down) = (Arc::clone(shared), Arc::clone(shared));
        std::thread::spawn(move || carry(client, server, false, &up));
        std::thread::spawn(move || carry(server_too, client_too, true, &down));
    }
}

/// Carries bytes one way until one side ends.
fn carry(mut from: TcpStream, mut to: TcpStream, is_server: bool, shared: &Shared) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        loop {
            let network = shared.network.load(Ordering::SeqCst);
            if network != Network::Dead as u8 || shared.ended.load(Ordering::SeqCst) {
                break;
            }
            sleep(LOOK);
        }
        if is_server && shared.network.load(Ordering::SeqCst) == Network::Deaf as u8 {
            shared.lost.fetch_add(length as u64, Ordering::SeqCst);
            continue;
        }
        let delay = shared.delay_ms.load(Ordering::SeqCst);
        sleep(Duration::from_millis(delay));
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
