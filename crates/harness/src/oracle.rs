//! The oracle: what must hold at every step, and what must hold when everybody was left alone for long enough.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: it reads what screens show, what people typed and what relays keep;
//! it never asks an engine whether it did well.

use subrosa_engine::Table;
use subrosa_engine::api::{AlarmKind, Chat, SendState, Standing};
use subrosa_engine::rows::{Outbox, Row};

use crate::ledger::{Said, text};
use crate::world::{ALL, World};

/// How much of a chat is looked at after each step.
const WINDOW: u32 = 48;

impl World {
    /// What holds at every moment, for those to whom something happened.
    pub(crate) fn check(&mut self) {
        let people = self.people();
        for who in 0..people {
            if std::mem::take(&mut self.changed_mut()[who]) {
                self.check_one(who, WINDOW);
            }
        }
    }

    fn check_one(&mut self, who: usize, limit: u32) {
        for chat in self.chats(who) {
            let with = (0..self.people()).find(|with| *with != who && self.name(*with) == chat.name);
            let Some(with) = with else {
                self.accuse(format!("p{who} has a chat with {}, who is nobody", chat.name));
                continue;
            };
            if let Err(what) = self.judge(who, with, &chat, limit) {
                self.accuse(format!("p{who} with p{with}: {what}"));
            }
        }
    }

    fn judge(&self, who: usize, with: usize, chat: &Chat, limit: u32) -> Result<(), String> {
        let went_back = self.ledger.went_back(who, with);
        match chat.alarm {
            None | Some(AlarmKind::Recovered) => {}
            Some(AlarmKind::OutOfStep) if self.ledger.forged || went_back => {}
            Some(AlarmKind::Fork | AlarmKind::OwnRollback) if went_back => {}
            Some(alarm) => return Err(format!("an alarm without a cause: {alarm:?}")),
        }
        let said = self.said(who, chat.id, limit);
        let mine: Vec<&str> = said.mine.iter().map(text).collect();
        let typed = self.ledger.typed(who, with);
        if went_back {
            in_order(&mine, typed).map_err(|what| format!("own texts: {what}"))?;
        } else {
            let tail = &typed[typed.len().saturating_sub(mine.len())..];
            if mine.len() > typed.len()
                || mine.iter().ne(tail.iter())
                || (mine.is_empty() && !typed.is_empty() && limit == ALL)
            {
                return Err(format!("own chat is not what was typed: {:?}", mine.last()));
            }
        }
        let theirs: Vec<&str> = said.theirs.iter().map(text).collect();
        in_order(&theirs, self.ledger.typed(with, who))?;
        let whole = (said.mine.len() + said.theirs.len()) < limit as usize / 2;
        if whole && !went_back {
            self.judge_unread(who, chat, &said)?;
        }
        Ok(())
    }

    fn judge_unread(&self, who: usize, chat: &Chat, said: &Said) -> Result<(), String> {
        let unread = said.theirs.iter().filter(|message| !self.ledger.has_seen(who, &message.id)).count();
        if chat.unread as usize == unread {
            Ok(())
        } else {
            Err(format!("{} unread, and {unread} were not seen", chat.unread))
        }
    }

    /// What holds when everybody was left alone.
    pub(crate) fn check_rest(&mut self) {
        for who in 0..self.people() {
            self.check_one(who, ALL);
        }
        for (one, other) in self.pairs() {
            if let Err(what) = self.judge_rest(one, other) {
                self.accuse(format!("at rest, from p{one} to p{other}: {what}"));
            }
        }
        let back = self.ledger.anyone_went_back();
        if !back {
            for who in 0..self.people() {
                if let Err(what) = self.judge_rows(who) {
                    self.accuse(format!("at rest, p{who}: {what}"));
                }
            }
            let lying = self.lying();
            if lying > 0 {
                self.accuse(format!("at rest, relays still hold {lying} cells"));
            }
        }
        self.digest();
    }

    /// What holds some hours after the last fault, when nothing was taken away: every text is there. What arrives only
    /// because a client sends it again after a day was lost by somebody.
    pub(crate) fn check_prompt(&mut self) {
        for (from, to) in self.pairs() {
            let typed = self.ledger.typed(from, to).len();
            let got = self.chat(to, from).map_or(0, |chat| self.said(to, chat.id, ALL).theirs.len());
            if got < typed && !self.ledger.went_back(from, to) {
                self.accuse(format!(
                    "p{to} has {got} of {typed} texts of p{from}, hours after the last fault"
                ));
            }
        }
    }

    fn judge_rest(&self, from: usize, to: usize) -> Result<(), String> {
        let typed = self.ledger.typed(from, to);
        if self.ledger.went_back(from, to) {
            return Ok(());
        }
        let met = self.ledger.met.iter().any(|pair| [(from, to), (to, from)].contains(pair));
        let (here, there) = (self.chat(from, to), self.chat(to, from));
        let (Some(here), Some(there)) = (here, there) else {
            return if met { Err("they met, and have no chat".to_owned()) } else { Ok(()) };
        };
        if here.standing != Standing::Contact {
            return Err(format!("they met, and are {:?}", here.standing));
        }
        let got = self.said(to, there.id, ALL).theirs;
        if got.len() != typed.len() {
            let missing = typed.iter().find(|typed| got.iter().all(|message| text(message) != *typed));
            return Err(format!("{} of {} texts arrived; missing: {missing:?}", got.len(), typed.len()));
        }
        for message in self.said(from, here.id, ALL).mine {
            let seen = self.ledger.has_seen(to, &message.id);
            let reached = if seen { SendState::Read } else { SendState::Delivered };
            match message.state {
                Some(state) if state == reached => {}
                Some(SendState::Sent | SendState::Unseen | SendState::Delivered | SendState::Read)
                    if self.ledger.lossy || self.ledger.expired => {}
                state => return Err(format!("{:?} is {state:?}, and not {reached:?}", text(&message))),
            }
        }
        Ok(())
    }

    /// What a client holds at rest: nothing that waits.
    fn judge_rows(&self, who: usize) -> Result<(), String> {
        let vault = self.vault(who);
        for table in [Table::Unsealed, Table::Part, Table::Gap, Table::Bad, Table::Receipt] {
            let count = vault.count(table);
            if count > 0 {
                return Err(format!("{count} rows of {table:?}"));
            }
        }
        let outbox = vault.rows().filter(|(key, _)| key.table == Table::Outbox);
        let loud = outbox.filter(|(_, row)| Outbox::parse(row).is_ok_and(|row| !row.quiet)).count();
        if loud > 0 {
            Err(format!("{loud} cells of the outbox wait for their acknowledgement"))
        } else {
            Ok(())
        }
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let people = self.people();
        (0..people)
            .flat_map(|one| (0..people).filter(move |other| *other != one).map(move |other| (one, other)))
            .collect()
    }
}

/// Whether `got` stands in `typed` in this order, each text at most once.
fn in_order(got: &[&str], typed: &[String]) -> Result<(), String> {
    let mut rest = typed.iter();
    for text in got {
        if !rest.any(|typed| typed == text) {
            let known = typed.iter().any(|typed| typed == text);
            let what = if known { "twice or out of order" } else { "never typed" };
            return Err(format!("{what}: {:?}", text.chars().take(40).collect::<String>()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_doubled_moved_or_invented_is_seen() {
        let typed = ["a", "b", "c"].map(str::to_owned);
        assert!(in_order(&["a", "c"], &typed).is_ok());
        assert!(in_order(&["a", "a"], &typed).is_err());
        assert!(in_order(&["c", "b"], &typed).is_err());
        assert!(in_order(&["d"], &typed).is_err());
    }
}
