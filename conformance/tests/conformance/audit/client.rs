//! A C2SP client that nobody here wrote: the crate tlog_tiles, a port of Go's
//! `golang.org/x/mod/sumdb/tlog`. In: a log over HTTPS, tile by tile; out: hashes that it
//! has authenticated against a root, and its verdicts about inclusion and consistency.

use onepoint_relay::client::HttpClient;
use tlog_tiles::{Error, Hash, Tile, TileReader};

/// Reads tiles of a gateway.
pub(super) struct Tiles<'c> {
    pub(super) client: &'c HttpClient,
    pub(super) runtime: tokio::runtime::Handle,
}

impl Tiles<'_> {
    /// What stands below the log's prefix.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        let response = self.runtime.block_on(self.client.get(&format!("/log/{path}")));
        let response = response.map_err(|error| error.to_string())?;
        if response.status == 200 {
            Ok(response.body)
        } else {
            Err(format!("{path}: {}", response.status))
        }
    }
}

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let get = |tile: &Tile| {
            // It writes the height into the path, as sum.golang.org does; C2SP leaves it out.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            self.get(&path).map_err(Error::InvalidInput)
        };
        tiles.iter().map(get).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// A root as the crate has it.
pub(super) fn hash(root: &onepoint_proof::Hash) -> Hash {
    Hash(*root.as_bytes())
}
