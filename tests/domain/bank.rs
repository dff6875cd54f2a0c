//! The gateway of a [`World`](crate::world::World), with what the guard and the payment's actor make of its answers: one that
//! charges in one step and keeps its keys for ever, or one with intents.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use callout::domain::{
    CallId,
    payment::{self, Attempt, Outcome, Payment},
};

use crate::acts::Luck;

/// The gateway's memory.
#[derive(Debug, Clone, Default)]
pub struct Bank {
    has_intents: bool,
    /// What became of each idempotency key: whether the money was taken.
    charges: BTreeMap<String, bool>,
    /// Every intent, by its name.
    intents: BTreeMap<String, Intent>,
    refunds: BTreeSet<String>,
    /// Intents whose confirmation is still on its way.
    on_their_way: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Open,
    Charged,
    Withdrawn,
}

impl Bank {
    pub fn with_intents() -> Self {
        Self { has_intents: true, ..Self::default() }
    }

    pub fn has_intents(&self) -> bool {
        self.has_intents
    }

    /// How often money was taken for a call, and given back.
    pub fn ledger(&self, call: &CallId) -> (usize, usize) {
        let prefix = format!("{call}:");
        let is_its = |key: &&String| key.starts_with(&prefix);
        let in_steps = self.charges.iter().filter(|(key, taken)| is_its(key) && **taken).count();
        let by_intent = self.intents.iter().filter(|(key, intent)| is_its(key) && **intent == Intent::Charged).count();
        (in_steps + by_intent, self.refunds.iter().filter(is_its).count())
    }

    /// What the payment hears of an effect, if an answer comes at all. `sent`: the effect may have been performed before.
    pub fn perform(
        &mut self,
        call: &CallId,
        effect: &payment::Effect,
        luck: Luck,
        sent: bool,
    ) -> Option<payment::Command> {
        let late = std::mem::take(&mut self.on_their_way);
        let heard = self.answer(call, effect, luck, sent);
        late.iter().for_each(|intent| self.confirm(intent, true));
        heard
    }

    fn answer(&mut self, call: &CallId, effect: &payment::Effect, luck: Luck, sent: bool) -> Option<payment::Command> {
        let settle = |attempt: u32, outcome| Some(payment::Command::Settle { attempt, outcome });
        match effect {
            payment::Effect::Begin(begun) if self.has_intents => {
                let attempt = begun.attempt;
                if is_silent(luck) {
                    return settle(attempt, Outcome::NotCharged { retry_after_s: 5 });
                }
                let intent: Arc<str> = Payment::open_key(call, attempt);
                self.intents.entry(intent.to_string()).or_insert(Intent::Open);
                Some(payment::Command::NoteIntent { attempt, intent })
            }
            payment::Effect::Begin(attempt) | payment::Effect::Confirm(attempt) if !sent && attempt.repeats == 0 => {
                settle(attempt.attempt, self.send_first(call, attempt, luck))
            }
            payment::Effect::Begin(attempt) | payment::Effect::Confirm(attempt) if !sent => {
                let outcome = self.charge(call, attempt, luck);
                let outcome = outcome.filter(|_| !is_silent(luck)).or_else(|| self.look(call, attempt, luck));
                settle(attempt.attempt, outcome?)
            }
            payment::Effect::Begin(attempt)
            | payment::Effect::Confirm(attempt)
            | payment::Effect::Resolve(attempt)
            | payment::Effect::AwaitPayer(attempt) => settle(attempt.attempt, self.look(call, attempt, luck)?),
            payment::Effect::Withdraw { attempt, intent, .. } => {
                let withdrawn = self.withdraw(call, *attempt, intent.as_ref(), luck)?;
                settle(*attempt, withdrawn)
            }
            payment::Effect::Refund { .. } => {
                if !is_lost(luck) {
                    self.refunds.insert(Payment::refund_key(call).to_string());
                }
                matches!(luck, Luck::Fine | Luck::Forgotten).then_some(payment::Command::ConfirmRefund)
            }
            payment::Effect::Tell(_) => None,
        }
    }

    fn send_first(&mut self, call: &CallId, attempt: &Attempt, luck: Luck) -> Outcome {
        match self.charge(call, attempt, luck) {
            None if luck == Luck::NotSent => Outcome::NotCharged { retry_after_s: 5 },
            Some(outcome) if luck != Luck::Unanswered => outcome,
            None | Some(_) => Outcome::Unknown,
        }
    }

    /// Takes the money, unless the key or the intent says otherwise; `None` when the request is lost on its way.
    fn charge(&mut self, call: &CallId, attempt: &Attempt, luck: Luck) -> Option<Outcome> {
        if luck == Luck::Late {
            self.on_their_way.extend(attempt.intent.clone());
        }
        if is_lost(luck) {
            return None;
        }
        let is_good = luck != Luck::Declined;
        Some(match &attempt.intent {
            Some(name) => {
                self.confirm(name, is_good);
                self.read(name).unwrap_or_else(declined)
            }
            None => {
                let key = Payment::charge_key(call, attempt.attempt);
                let taken = *self.charges.entry(key.to_string()).or_insert(is_good);
                if taken { charged(&key) } else { declined() }
            }
        })
    }

    fn confirm(&mut self, intent: &str, is_good: bool) {
        let known = self.intents.entry(intent.to_owned()).or_insert(Intent::Open);
        if *known == Intent::Open && is_good {
            *known = Intent::Charged;
        }
    }

    /// A look at a charge; `None` when the gateway does not answer, and the look is repeated.
    fn look(&self, call: &CallId, attempt: &Attempt, luck: Luck) -> Option<Outcome> {
        if is_silent(luck) {
            return None;
        }
        let known = match &attempt.intent {
            Some(name) => self.read(name),
            None => {
                let key = Payment::charge_key(call, attempt.attempt);
                self.charges.get(&*key).map(|taken| if *taken { charged(&key) } else { declined() })
            }
        };
        Some(known.unwrap_or(Outcome::Unperformed { refused: None, repeats: attempt.repeats }))
    }

    fn read(&self, intent: &str) -> Option<Outcome> {
        match self.intents.get(intent)? {
            Intent::Open => None,
            Intent::Charged => Some(charged(intent)),
            Intent::Withdrawn => Some(Outcome::Withdrawn),
        }
    }

    fn withdraw(&mut self, call: &CallId, attempt: u32, intent: Option<&Arc<str>>, luck: Luck) -> Option<Outcome> {
        if is_lost(luck) {
            return None;
        }
        let outcome = match intent {
            Some(name) => {
                let known = self.intents.entry(name.to_string()).or_insert(Intent::Open);
                if *known == Intent::Open {
                    *known = Intent::Withdrawn;
                }
                self.read(name)
            }
            None => {
                let key = Payment::charge_key(call, attempt);
                let taken = *self.charges.entry(key.to_string()).or_insert(false);
                Some(if taken { charged(&key) } else { Outcome::Withdrawn })
            }
        };
        outcome.filter(|_| luck != Luck::Unanswered)
    }
}

/// Whether the gateway does not hear of it, at least not now.
fn is_lost(luck: Luck) -> bool {
    matches!(luck, Luck::NotSent | Luck::Lost | Luck::Late)
}

/// Whether no answer comes.
fn is_silent(luck: Luck) -> bool {
    is_lost(luck) || luck == Luck::Unanswered
}

fn charged(name: &str) -> Outcome {
    Outcome::Charged { reference: format!("ch_{name}").into() }
}

fn declined() -> Outcome {
    Outcome::Declined { reason: "card_declined".to_owned() }
}
