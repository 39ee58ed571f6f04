//! [`Look`]: the colours and signs of the screen, in dark and light, with and without colour, in ASCII.
//!
//! Spec: docs/guide/chat.md, "Looks". Invariant: nothing is said by colour alone; without colour, weight and signs say it.

use ratatui::style::{Color, Modifier, Style};
use subrosa_client::SendState;

/// What a piece of the screen is, from which its style follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Ordinary text.
    Text,
    /// Times, hints, what may be overlooked.
    Dim,
    /// Titles and keys.
    Accent,
    /// My own name and words.
    Mine,
    /// Unread counts and the line above new messages.
    Unread,
    /// Verified, online.
    Good,
    /// Not verified, offline, queued for long.
    Warn,
    /// An alarm or a failure.
    Alarm,
    /// The highlighted row.
    Selected,
    /// Lines around panes.
    Border,
}

/// Light or dark background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Light letters on dark.
    Dark,
    /// Dark letters on light.
    Light,
}

/// How everything looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The background that the terminal has.
    pub(crate) ground: Ground,
    /// Whether colours may be used (`NO_COLOR`).
    pub(crate) colour: bool,
    /// Whether only ASCII may be drawn.
    pub(crate) ascii: bool,
}

/// The signs of a [`Look`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    /// In place of what was cut off.
    pub(crate) ellipsis: &'static str,
    /// Before the highlighted row.
    pub(crate) pointer: &'static str,
    /// Before a quoted message.
    pub(crate) reply: &'static str,
    /// A compared safety number.
    pub(crate) verified: &'static str,
    /// A safety number that was not compared.
    pub(crate) unverified: &'static str,
    /// An alarm or a failure.
    pub(crate) alarm: &'static str,
    /// Between facts of one line.
    pub(crate) dot: &'static str,
    /// A rule across a conversation.
    pub(crate) rule: &'static str,
    /// Corners and edges: top left, top right, bottom left, bottom right, horizontal, vertical, then the junctions
    /// down, up, right, left.
    pub(crate) frame: [&'static str; 10],
}

const UNICODE: Signs = Signs {
    ellipsis: "…",
    pointer: "▸",
    reply: "↳",
    verified: "✓",
    unverified: "•",
    alarm: "!",
    dot: "·",
    rule: "─",
    frame: ["┌", "┐", "└", "┘", "─", "│", "┬", "┴", "├", "┤"],
};

const ASCII: Signs = Signs {
    ellipsis: "~",
    pointer: ">",
    reply: "re:",
    verified: "v",
    unverified: "-",
    alarm: "!",
    dot: "|",
    rule: "-",
    frame: ["+", "+", "+", "+", "-", "|", "+", "+", "+", "+"],
};

impl Look {
    /// Dark, coloured, with all signs.
    pub(crate) const fn standard() -> Self {
        Self { ground: Ground::Dark, colour: true, ascii: false }
    }

    /// What the environment asks for: `NO_COLOR`, `SUBROSA_THEME` (`dark`, `light`), `SUBROSA_ASCII`, else the
    /// background of `COLORFGBG` and the character set of the locale.
    pub(crate) fn from_environment(var: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| var(name).is_some_and(|value| !value.is_empty());
        let light_ground = || {
            let ground = var("COLORFGBG")?;
            let back: u8 = ground.rsplit(';').next()?.parse().ok()?;
            Some(back == 7 || back == 15)
        };
        let light = match var("SUBROSA_THEME").as_deref() {
            Some("light") => true,
            Some("dark") => false,
            _ => light_ground().unwrap_or(false),
        };
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(&var).find(|value| !value.is_empty());
        // No locale at all is common in containers, whose terminals still draw UTF-8.
        let utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let ground = if light { Ground::Light } else { Ground::Dark };
        Self { ground, colour: !set("NO_COLOR"), ascii: set("SUBROSA_ASCII") || !utf8 }
    }

    /// The signs to draw with.
    pub(crate) const fn signs(self) -> &'static Signs {
        if self.ascii { &ASCII } else { &UNICODE }
    }

    /// The style of `role`.
    pub(crate) fn style(self, role: Role) -> Style {
        let plain = Style::new();
        if !self.colour {
            return match role {
                Role::Text | Role::Border | Role::Mine | Role::Warn => plain,
                Role::Dim => plain.add_modifier(Modifier::DIM),
                Role::Accent | Role::Unread | Role::Good => plain.add_modifier(Modifier::BOLD),
                Role::Alarm | Role::Selected => plain.add_modifier(Modifier::REVERSED),
            };
        }
        let dark = self.ground == Ground::Dark;
        match role {
            Role::Text => plain,
            Role::Dim => plain.fg(Color::DarkGray),
            Role::Border => plain.fg(if dark { Color::DarkGray } else { Color::Gray }),
            Role::Accent => {
                plain.fg(if dark { Color::Cyan } else { Color::Blue }).add_modifier(Modifier::BOLD)
            }
            Role::Mine => plain.fg(if dark { Color::LightBlue } else { Color::Blue }),
            Role::Unread => {
                plain.fg(if dark { Color::Yellow } else { Color::Magenta }).add_modifier(Modifier::BOLD)
            }
            Role::Good => plain.fg(Color::Green),
            Role::Warn => plain.fg(if dark { Color::Yellow } else { Color::Magenta }),
            Role::Alarm => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
            Role::Selected => plain.add_modifier(Modifier::REVERSED),
        }
    }

    /// The sign of a message's state and its style.
    pub(crate) fn state(self, state: SendState) -> (&'static str, Style) {
        let (sign, letter, role) = match state {
            SendState::Queued => ("◌", "q", Role::Dim),
            SendState::Sent => ("○", "s", Role::Dim),
            SendState::Unseen => ("○", "s", Role::Warn),
            SendState::Delivered => ("✓", "d", Role::Dim),
            SendState::Read => ("✓✓", "r", Role::Good),
            SendState::Failed(_) => ("!", "!", Role::Alarm),
            _ => ("?", "?", Role::Dim),
        };
        (if self.ascii { letter } else { sign }, self.style(role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_about_colour_ground_and_letters() {
        let look = |pairs: &'static [(&str, &str)]| {
            Look::from_environment(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(look(&[("LANG", "en_US.UTF-8")]), Look::standard());
        assert_eq!(look(&[]), Look::standard());
        assert!(!look(&[("NO_COLOR", "1")]).colour);
        assert!(look(&[("NO_COLOR", "")]).colour);
        assert!(look(&[("LANG", "C")]).ascii);
        assert_eq!(look(&[("COLORFGBG", "0;15")]).ground, Ground::Light);
        assert_eq!(look(&[("COLORFGBG", "0;15"), ("SUBROSA_THEME", "dark")]).ground, Ground::Dark);
    }

    #[test]
    fn without_colour_no_style_names_a_colour() {
        let look = Look { colour: false, ..Look::standard() };
        for role in [Role::Text, Role::Dim, Role::Accent, Role::Mine, Role::Unread, Role::Good, Role::Warn] {
            assert_eq!((look.style(role).fg, look.style(role).bg), (None, None));
        }
    }
}
