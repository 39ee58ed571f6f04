//! [`Index`]: where a message stands, by author and id; in memory only, as ids are nowhere in clear on disk.
//!
//! Spec: docs/ARCHITECTURE.md, "The client's rows". Invariant: what it says of a chat that it holds is what the
//! message rows say, after every change that it was shown; a chat that it does not hold is read when first asked for.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;

use crate::api::{ContactId, MessageId, Position};
use crate::rows::{Change, Corrupt, Key, Message, Row, Rows, Span, Table};

/// Author (mine or not) and id.
type Name = (bool, MessageId);

/// One chat, both ways round: an erased row is found by its position.
#[derive(Clone, Debug, Default)]
struct Places {
    by_name: BTreeMap<Name, i64>,
    by_position: BTreeMap<i64, Name>,
}

impl Places {
    fn put(&mut self, position: i64, name: Option<Name>) {
        self.erase(position);
        if let Some(name) = name {
            self.by_name.insert(name, position);
            self.by_position.insert(position, name);
        }
    }

    fn erase(&mut self, position: i64) {
        if let Some(name) = self.by_position.remove(&position)
            && self.by_name.get(&name) == Some(&position)
        {
            self.by_name.remove(&name);
        }
    }
}

/// The author and id of a message row; `None` for rows that are no message.
fn name_of(row: &[u8]) -> Result<Option<Name>, Corrupt> {
    let message = Message::parse(row)?;
    Ok(message.is_message().then_some((message.mine, MessageId(message.id))))
}

/// Positions of messages, chat by chat, each read once. A vault keeps one beside its rows.
#[derive(Clone, Debug, Default)]
pub struct Index {
    chats: BTreeMap<i64, Places>,
}

impl Index {
    /// Where the message of this author and id stands in `chat`. The first question about a chat reads its messages
    /// through `rows`, with the changes applied so far.
    ///
    /// # Errors
    /// [`Corrupt`] when a message row can't be read.
    pub fn position(
        &mut self,
        rows: &impl Rows,
        chat: ContactId,
        mine: bool,
        id: MessageId,
    ) -> Result<Option<Position>, Corrupt> {
        let places = match self.chats.entry(chat.0) {
            Entry::Occupied(places) => places.into_mut(),
            Entry::Vacant(unread) => {
                let mut places = Places::default();
                for (key, row) in rows.span(Span::under(Table::Message, chat.0))? {
                    places.put(key.id, name_of(&row)?);
                }
                unread.insert(places)
            }
        };
        Ok(places.by_name.get(&(mine, id)).copied().map(Position))
    }

    /// Takes a change into account. To be shown every change, before the next question.
    ///
    /// # Errors
    /// [`Corrupt`] when a message row that is put can't be read.
    pub fn apply(&mut self, change: &Change) -> Result<(), Corrupt> {
        match change {
            Change::Put(Key { table: Table::Message, parent, id }, row) => {
                if let Some(places) = self.chats.get_mut(parent) {
                    places.put(*id, name_of(row)?);
                }
            }
            Change::Erase(Key { table: Table::Message, parent, id }) => {
                if let Some(places) = self.chats.get_mut(parent) {
                    places.erase(*id);
                }
            }
            Change::EraseAll { table: Table::Message, parent } => drop(self.chats.remove(parent)),
            Change::Put(..) | Change::Erase(_) | Change::EraseAll { .. } => {}
        }
        Ok(())
    }

    /// Forgets everything: after a transaction that was rolled back.
    pub fn clear(&mut self) {
        self.chats.clear();
    }
}
