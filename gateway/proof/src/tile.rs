//! C2SP tlog-tiles: coordinates, URL paths, and the bytes of tiles and entry bundles.
//!
//! In: levels, indexes, hashes, entries; out: paths and bytes, and back. A tile
//! has height 8: a full one is 256 hashes, 8,192 bytes. Parsing accepts only
//! what the writer would write.

use std::fmt;

use crate::hash::{HASH_BYTES, Hash};
use crate::tree::Tree;

/// Height of a tile: levels of the tree that one tile spans.
pub const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Height of the nodes within a tile that [`middle`] gives: half that of a tile.
pub const MIDDLE_HEIGHT: u32 = TILE_HEIGHT / 2;
/// Nodes of that height in a full tile.
pub const MIDDLE_WIDTH: usize = 16;
/// Highest tile level that the path syntax allows.
pub const MAX_LEVEL: u8 = 63;
/// Longest entry that the 16-bit length prefix of a bundle can carry.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// Longest tile path: 7 groups of an index with their `x`, level and width.
pub const MAX_PATH_BYTES: usize = 64;

/// What is wrong with a tile, its path or a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The path is not one of tlog-tiles.
    #[error("tile path {path:?} is not of the form tile/<level>/<index>[.p/<width>]")]
    Path {
        /// The path, cut after 64 bytes.
        path: String,
    },
    /// A tile's bytes are not 1 to 256 hashes.
    #[error("tile has {bytes} bytes, expected {expected}")]
    TileLength {
        /// Bytes found.
        bytes: usize,
        /// What was expected.
        expected: String,
    },
    /// A bundle ends early, goes on too long, or has another count of entries.
    #[error("entry bundle breaks at byte {at}: expected {expected}")]
    Bundle {
        /// Byte offset.
        at: usize,
        /// What was expected.
        expected: String,
    },
    /// An entry is longer than a bundle can carry.
    #[error("entry {index} of the bundle has {bytes} bytes, expected at most 65535")]
    EntryTooLong {
        /// Position in the bundle.
        index: usize,
        /// Bytes found.
        bytes: usize,
    },
    /// The hashes given do not fit the size of the tree.
    #[error("level {level} has {found} hashes, expected {expected} for a tree of {size} leaves")]
    WidthForSize {
        /// Tile level.
        level: u8,
        /// Size of the tree.
        size: u64,
        /// Hashes found.
        found: usize,
        /// Hashes expected.
        expected: usize,
    },
}

impl TileError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            TileError::Path { .. } => "tile-path-malformed",
            TileError::TileLength { .. } => "tile-length-wrong",
            TileError::Bundle { .. } => "bundle-malformed",
            TileError::EntryTooLong { .. } => "entry-too-long",
            TileError::WidthForSize { .. } => "tile-width-wrong",
        }
    }

    /// English sentence.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese sentence.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            TileError::Path { path } => {
                format!("瓦片路径 {path:?} 不是 tile/<层>/<序号>[.p/<宽度>] 的形式")
            }
            TileError::TileLength { bytes, expected } => {
                format!("瓦片长度为 {bytes} 字节，应为 {expected}")
            }
            TileError::Bundle { at, expected } => {
                format!("条目包在第 {at} 字节处损坏：应为 {expected}")
            }
            TileError::EntryTooLong { index, bytes } => {
                format!("条目包第 {index} 项有 {bytes} 字节，最多 65535 字节")
            }
            TileError::WidthForSize { level, size, found, expected } => {
                format!("第 {level} 层有 {found} 个哈希，{size} 个叶子的树应有 {expected} 个")
            }
        }
    }
}

/// One tile of hashes: level, index within the level, and how many hashes (1 to 256).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Tile level: 0 holds leaf hashes, each level above the roots of the full tiles below.
    pub level: u8,
    /// Index within the level.
    pub index: u64,
    /// Hashes in it; 256 for a full tile.
    pub width: u16,
}

impl TileId {
    /// The full tile at this place.
    #[must_use]
    pub fn full(level: u8, index: u64) -> TileId {
        TileId { level, index, width: TILE_WIDTH }
    }

    /// The tile at this place as it is in a tree of `size` leaves; `None` when
    /// it has no hash yet.
    #[must_use]
    pub fn in_tree(size: u64, level: u8, index: u64) -> Option<TileId> {
        let hashes = hashes_at(size, level);
        let start = index.checked_mul(u64::from(TILE_WIDTH))?;
        let here = hashes.checked_sub(start).filter(|n| *n > 0)?;
        let width = here.min(u64::from(TILE_WIDTH));
        u16::try_from(width).ok().map(|width| TileId { level, index, width })
    }

    /// The partial tiles of a tree of `size` leaves, lowest level first.
    pub fn partials(size: u64) -> impl Iterator<Item = TileId> {
        (0..=7u8).filter_map(move |level| {
            let hashes = hashes_at(size, level);
            let index = hashes / u64::from(TILE_WIDTH);
            TileId::in_tree(size, level, index)
        })
    }

    /// Whether it has all 256 hashes.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// URL path below the log's prefix: `tile/<L>/<N>[.p/<W>]`.
    #[must_use]
    pub fn path(&self) -> String {
        TilePath::Hashes(*self).to_string()
    }
}

/// Hashes at a tile level of a tree: complete subtrees of 256^level leaves.
fn hashes_at(size: u64, level: u8) -> u64 {
    size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0)
}

/// A path below a log's prefix that names a tile or an entry bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TilePath {
    /// `tile/<L>/<N>[.p/<W>]`.
    Hashes(TileId),
    /// `tile/entries/<N>[.p/<W>]`.
    Entries {
        /// Index of the bundle.
        index: u64,
        /// Entries in it, 1 to 256.
        width: u16,
    },
}

impl TilePath {
    /// Parses a path below the log's prefix, without a leading slash.
    ///
    /// # Errors
    /// [`TileError::Path`] for whatever [`TilePath`] would not write itself:
    /// leading zeroes, missing `x`, width 0 or 256 spelled out.
    pub fn parse(path: &str) -> Result<TilePath, TileError> {
        let parsed = if path.len() <= MAX_PATH_BYTES { parse_path(path) } else { None };
        parsed.ok_or_else(|| TileError::Path { path: path.chars().take(MAX_PATH_BYTES).collect() })
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, width) = match self {
            TilePath::Hashes(tile) => {
                write!(f, "tile/{}/", tile.level)?;
                (tile.index, tile.width)
            }
            TilePath::Entries { index, width } => {
                f.write_str("tile/entries/")?;
                (*index, *width)
            }
        };
        write_index(f, index)?;
        if width != TILE_WIDTH {
            write!(f, ".p/{width}")?;
        }
        Ok(())
    }
}

/// Three digits a path element, all but the last behind an `x`.
fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let mut groups = vec![index % 1000];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    for (place, group) in groups.iter().enumerate().rev() {
        if place > 0 {
            write!(f, "x{group:03}/")?;
        } else {
            write!(f, "{group:03}")?;
        }
    }
    Ok(())
}

fn parse_path(path: &str) -> Option<TilePath> {
    let rest = path.strip_prefix("tile/")?;
    let (head, rest) = rest.split_once('/')?;
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, u16::try_from(plain_number(width)?).ok()?),
        None => (rest, TILE_WIDTH),
    };
    let index = parse_index(index)?;
    let parsed = if head == "entries" {
        TilePath::Entries { index, width }
    } else {
        let level = u8::try_from(plain_number(head)?).ok().filter(|l| *l <= MAX_LEVEL)?;
        TilePath::Hashes(TileId { level, index, width })
    };
    // One spelling for each tile, or caches and audits would see two.
    (width >= 1 && parsed.to_string() == path).then_some(parsed)
}

fn parse_index(text: &str) -> Option<u64> {
    let mut index = 0u64;
    let mut groups = text.split('/').peekable();
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}

fn plain_number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The bytes of a tile: its hashes one after the other.
#[must_use]
pub fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.as_bytes()).copied().collect()
}

/// Reads a tile of `width` hashes.
///
/// # Errors
/// [`TileError::TileLength`] unless there are exactly `width` hashes, 1 to 256.
pub fn decode_tile(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let expected = usize::from(width) * HASH_BYTES;
    if width == 0 || width > TILE_WIDTH || bytes.len() != expected {
        return Err(TileError::TileLength {
            bytes: bytes.len(),
            expected: format!("{expected} ({width} hashes of 32 bytes)"),
        });
    }
    Ok(bytes.chunks_exact(HASH_BYTES).filter_map(Hash::from_slice).collect())
}

/// Root over the hashes of a tile; for a full tile, its hash in the level above.
#[must_use]
pub fn tile_root(hashes: &[Hash]) -> Hash {
    let mut tree = Tree::new();
    for hash in hashes {
        tree.append(*hash);
    }
    tree.root()
}

/// The 16 nodes of half height within a full tile: what a store keeps beside it, so that a proof
/// need not hash all of it. None for a partial tile, which grows.
#[must_use]
pub fn middle(hashes: &[Hash]) -> Vec<Hash> {
    if hashes.len() != usize::from(TILE_WIDTH) {
        return Vec::new();
    }
    hashes.chunks(MIDDLE_WIDTH).map(tile_root).collect()
}

/// The bytes of an entry bundle: each entry behind its length (16 bits, big-endian).
///
/// # Errors
/// [`TileError::EntryTooLong`] for an entry over 65,535 bytes.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, TileError> {
    let mut out = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len())
            .map_err(|_| TileError::EntryTooLong { index, bytes: entry.len() })?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Ok(out)
}

/// Reads an entry bundle of `width` entries.
///
/// # Errors
/// [`TileError::Bundle`] when it ends early, goes on, or `width` is not 1 to 256.
pub fn decode_bundle(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let broken = |rest: &[u8], expected: &str| TileError::Bundle {
        at: bytes.len() - rest.len(),
        expected: expected.to_owned(),
    };
    if width == 0 || width > TILE_WIDTH {
        return Err(broken(bytes, "a width of 1 to 256"));
    }
    let mut entries = Vec::with_capacity(usize::from(width));
    let mut rest = bytes;
    for _ in 0..width {
        let (length, after) =
            rest.split_first_chunk::<2>().ok_or_else(|| broken(rest, "a 16-bit length"))?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after
            .split_at_checked(length)
            .ok_or_else(|| broken(rest, &format!("{length} bytes of entry")))?;
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(broken(rest, "the end of the bundle")) }
}

#[cfg(test)]
mod tests;
