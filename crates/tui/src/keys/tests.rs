//! The key table against itself.

use std::collections::HashMap;

use super::*;

/// Contexts whose keys are looked up together.
const TOGETHER: &[&[Context]] = &[
    &[Context::Composer, Context::Edit, Context::Global],
    &[Context::Choice, Context::Edit, Context::Global],
    &[Context::List, Context::Global],
    &[Context::Messages, Context::Global],
    &[Context::Request, Context::Global],
    &[Context::Alarm, Context::Global],
    &[Context::Invites, Context::Global],
    &[Context::Verify, Context::Global],
    &[Context::Pages, Context::Global],
    &[Context::Question, Context::Global],
];

#[test]
fn no_key_is_bound_twice_where_it_would_matter() {
    for together in TOGETHER {
        let mut seen: HashMap<Key, Binding> = HashMap::new();
        for binding in table().filter(|binding| together.contains(&binding.context)) {
            if let Some(other) = seen.insert(binding.key, binding) {
                panic!("{} is bound to {:?} and {:?}", binding.key.name(), other.action, binding.action);
            }
        }
    }
}

#[test]
fn every_action_has_words_and_every_context_a_line() {
    for context in Context::ALL {
        let lines = help(context);
        assert!(!lines.is_empty(), "{context:?}");
        assert!(lines.iter().all(|(keys, does)| !keys.is_empty() && !does.is_empty()), "{lines:?}");
    }
}

#[test]
fn a_key_event_is_found_whatever_shift_and_locks_say() {
    let capital = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
    assert_eq!(lookup(&[Context::Messages], Key::of(&capital)), Some(Action::Last));
    let shifted = KeyEvent::new(KeyCode::Enter, KeyModifiers::SHIFT);
    assert_eq!(lookup(&[Context::Composer], Key::of(&shifted)), Some(Action::NewLine));
    let ctrl = KeyEvent::new(KeyCode::Char('K'), KeyModifiers::CONTROL);
    assert_eq!(lookup(&[Context::Global], Key::of(&ctrl)), Some(Action::Switcher));
}
