//! The vault's rows: typed, CBOR with integer keys, one file per noun.
//!
//! Spec: docs/ARCHITECTURE.md, "The client's rows". Invariant: a row that does not decode is [`Corrupt`], never a
//! panic; fields that this version does not know are ignored.

mod contact;
mod hidden;
mod inbound;
mod invite;
mod key;
mod me;
mod message;
mod outbox;
mod session;
mod small;
mod timer;

#[cfg(test)]
mod tests;

pub use contact::{Alarm, Contact, GivenIn, Last, StandingRow};
pub use hidden::Hidden;
pub use inbound::{Inbound, InboundState};
pub use invite::{Invite, InviteStage, Mine, Theirs};
pub use key::{Bytes, Change, Corrupt, Key, Rows, Span, Table};
pub use me::{Clock, Counter, Me};
pub use message::{Message, MessageBody, Occurrence, Progress};
pub use outbox::{OutCell, Outbox};
pub use session::{RatchetRow, Role, Session, Stuck};
pub use small::{Bad, Draft, Gap, Handshake, Part, Receipt, Unsealed};
pub use timer::{Timer, TimerKind};

use minicbor::{Decode, Encode};

/// A typed row: its table, and its bytes.
pub trait Row: Sized {
    /// The table that it lies in.
    const TABLE: Table;

    /// Reads a row's bytes.
    ///
    /// # Errors
    /// [`Corrupt`] when they are not such a row.
    fn parse(bytes: &[u8]) -> Result<Self, Corrupt>;

    /// The row's bytes.
    fn write(&self) -> Bytes;
}

/// Reads one CBOR value that fills `bytes`.
pub(crate) fn decode<'b, T: Decode<'b, ()>>(table: Table, bytes: &'b [u8]) -> Result<T, Corrupt> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|_| Corrupt { table })?;
    if decoder.position() == bytes.len() { Ok(value) } else { Err(Corrupt { table }) }
}

/// Writes `value`, measured first: a vector that grows would leave secrets behind.
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Bytes {
    let mut measure = hidden::Measure(0);
    let measured = minicbor::encode(value, &mut measure);
    let mut bytes = Bytes::new(alloc::vec::Vec::with_capacity(measure.0));
    let written = minicbor::encode(value, &mut *bytes);
    // Writing to a vector can't fail, and no encoder of ours refuses.
    debug_assert!(measured.is_ok() && written.is_ok(), "rows always encode");
    bytes
}

/// Implements [`Row`] by the CBOR form, and `key`.
macro_rules! row {
    ($row:ty, $table:ident) => {
        impl $crate::rows::Row for $row {
            const TABLE: $crate::rows::Table = $crate::rows::Table::$table;

            fn parse(bytes: &[u8]) -> Result<Self, $crate::rows::Corrupt> {
                $crate::rows::decode(Self::TABLE, bytes)
            }

            fn write(&self) -> $crate::rows::Bytes {
                $crate::rows::encode(self)
            }
        }
    };
}
pub(crate) use row;
