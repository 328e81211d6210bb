//! The story of a run for people: what was broken first, then what led to it, by who did what.

mod setting;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::line::{Line, Told, Who};
use crate::plan::Plan;
use crate::record::{Decision, Entry, merged};

/// The page, but for its story.
const PAGE: &str = include_str!("story/page.html");
/// What stands in it for the story.
const PLACE: &str = "\"STORY\"";
/// Lines before the first broken promise that are told one by one.
const CLOSE: usize = 40;
/// Decisions that go into a page: those before the first broken promise, or the last.
const DECISIONS_MAX: usize = 3_000;

/// A story.
#[derive(Debug, Serialize)]
pub struct Story {
    seed: u64,
    broken: Vec<Breach>,
    /// What there was, a sentence each.
    setting: Vec<String>,
    scenes: Vec<Scene>,
}

/// A promise that was broken, the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// The id of the invariant.
    pub invariant: String,
    /// What was seen.
    pub story: String,
    /// How often, all in all.
    pub times: usize,
}

/// One thing that somebody did or met.
#[derive(Debug, Serialize)]
struct Scene {
    at: u64,
    who: String,
    kind: Kind,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    acts: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Asked,
    Done,
    Refused,
    /// By the network.
    Brought,
    World,
    Fault,
    Broken,
    Decision,
}

impl Kind {
    /// Whether it is told one by one only shortly before a promise is broken.
    const fn is_quiet(self) -> bool {
        matches!(
            self,
            Self::Asked | Self::Done | Self::Refused | Self::Brought
        )
    }
}

impl Story {
    /// The story of a run with these lines and decisions; what was broken comes with its invariant.
    pub fn of(
        plan: &Plan,
        broken: &[(String, String)],
        lines: &[String],
        decisions: &[Decision],
    ) -> Self {
        let mut breaches: Vec<Breach> = Vec::new();
        for (invariant, story) in broken {
            match breaches
                .iter_mut()
                .find(|breach| breach.invariant == *invariant)
            {
                Some(breach) => breach.times += 1,
                None => breaches.push(Breach {
                    invariant: invariant.clone(),
                    story: story.clone(),
                    times: 1,
                }),
            }
        }
        let scenes = merged(lines, decisions);
        let scenes: Vec<Scene> = scenes.iter().filter_map(Scene::of).collect();
        Self {
            seed: plan.seed,
            broken: breaches,
            setting: setting::told(plan),
            scenes: with_few_decisions(scenes),
        }
    }

    /// As plain text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for breach in &self.broken {
            let times = if breach.times > 1 {
                format!(" ({} times)", breach.times)
            } else {
                String::new()
            };
            let _ = writeln!(text, "BROKEN {}: {}{times}", breach.invariant, breach.story);
        }
        if self.broken.is_empty() {
            text.push_str("no promise was broken\n");
        }
        text.push('\n');
        for sentence in &self.setting {
            let _ = writeln!(text, "{sentence}");
        }
        text.push('\n');
        let scenes: Vec<&Scene> = self
            .scenes
            .iter()
            .filter(|scene| scene.kind != Kind::Decision)
            .collect();
        let close = close(&scenes);
        let width = scenes
            .iter()
            .map(|scene| scene.who.chars().count())
            .max()
            .unwrap_or(0);
        let mut quiet = Quiet::default();
        for (number, scene) in scenes.into_iter().enumerate() {
            if scene.kind.is_quiet() && !close.contains(&number) {
                quiet.add(scene);
                continue;
            }
            quiet.tell(&mut text);
            let mark = match scene.kind {
                Kind::Broken => "!!",
                Kind::Fault => "* ",
                Kind::Asked
                | Kind::Done
                | Kind::Refused
                | Kind::Brought
                | Kind::World
                | Kind::Decision => "  ",
            };
            let (at, who, what) = (clock(scene.at), &scene.who, &scene.text);
            let _ = writeln!(text, "{mark} {at}  {who:width$}  {what}");
        }
        quiet.tell(&mut text);
        text
    }

    /// As one page of HTML that needs nothing else.
    pub fn page(&self) -> String {
        let story = serde_json::to_string(self).unwrap_or_default();
        // Nothing in it can end the script that it stands in.
        let story = story.replace('<', "\\u003c").replace('>', "\\u003e");
        PAGE.replacen(PLACE, &story.replace('\u{2028}', "\\u2028"), 1)
    }
}

impl Scene {
    fn of(entry: &Entry<'_>) -> Option<Self> {
        let line = match entry {
            Entry::Line(line) => Line::parse(line)?,
            Entry::Decision(decision) => {
                return Some(Self {
                    at: decision.at,
                    who: decision.path.clone(),
                    kind: Kind::Decision,
                    text: decision
                        .event
                        .clone()
                        .unwrap_or_else(|| "begins".to_owned()),
                    acts: decision.acts.clone(),
                });
            }
        };
        let who = match (line.who, line.node) {
            (Who::World, Some(node)) => node.to_owned(),
            (Who::World, None) => "world".to_owned(),
            (Who::Operator, node) => format!("operator{}", at(node)),
            (Who::Client(number, user), node) => format!("{user} #{number}{}", at(node)),
            (Who::User(node), _) => node.to_owned(),
            (Who::Network, node) => node.unwrap_or_default().to_owned(),
        };
        let kind = match line.told {
            Some(Told::Done(_)) => Kind::Done,
            Some(Told::Refused(_)) => Kind::Refused,
            None if matches!(line.who, Who::User(_)) => Kind::Asked,
            None if line.who == Who::Network => Kind::Brought,
            None if line.breach().is_some() => Kind::Broken,
            None if line.is_fault() => Kind::Fault,
            None => Kind::World,
        };
        let text = match line.told {
            None if kind == Kind::Asked => format!("asks to {}", line.what),
            Some(Told::Done("()")) | None => line.what.to_owned(),
            Some(Told::Done(told)) => format!("{}: {told}", line.what),
            Some(Told::Refused(reason)) => format!("{}: refused, {reason}", line.what),
        };
        Some(Self {
            at: line.at,
            who,
            kind,
            text,
            acts: Vec::new(),
        })
    }
}

/// Requests that are told of in one line.
#[derive(Default)]
struct Quiet {
    done: usize,
    frames: usize,
    refused: BTreeMap<String, usize>,
    who: BTreeSet<String>,
}

impl Quiet {
    fn add(&mut self, scene: &Scene) {
        if scene.kind == Kind::Brought {
            self.frames += 1;
            return;
        }
        self.who.insert(scene.who.clone());
        match scene.text.rsplit_once(": refused, ") {
            Some((_, reason)) => *self.refused.entry(reason.to_owned()).or_default() += 1,
            None => self.done += usize::from(scene.kind == Kind::Done),
        }
    }

    fn tell(&mut self, text: &mut String) {
        let Self {
            done,
            frames,
            refused,
            who,
        } = std::mem::take(self);
        if who.is_empty() && frames == 0 {
            return;
        }
        let _ = write!(text, "   … {done} done");
        for (reason, count) in refused {
            let _ = write!(text, ", {count} refused ({reason})");
        }
        if frames > 0 {
            let _ = write!(text, ", {frames} frames arrived");
        }
        let who: Vec<String> = who.into_iter().collect();
        let _ = writeln!(text, " … {}", who.join(", "));
    }
}

/// The places of scenes shortly before the first broken promise, or before the end.
fn close(scenes: &[&Scene]) -> std::ops::Range<usize> {
    let broken = scenes.iter().position(|scene| scene.kind == Kind::Broken);
    let end = broken.unwrap_or(scenes.len());
    end.saturating_sub(CLOSE)..end
}

/// Only decisions that may have to do with what was broken.
fn with_few_decisions(mut scenes: Vec<Scene>) -> Vec<Scene> {
    let broken = scenes.iter().position(|scene| scene.kind == Kind::Broken);
    let end = broken.map_or(scenes.len(), |broken| (broken + CLOSE).min(scenes.len()));
    let decisions = scenes[..end].iter().enumerate();
    let decisions = decisions.filter(|(_, scene)| scene.kind == Kind::Decision);
    let first = decisions
        .rev()
        .nth(DECISIONS_MAX)
        .map_or(0, |(place, _)| place + 1);
    let mut place = 0;
    scenes.retain(|scene| {
        place += 1;
        scene.kind != Kind::Decision || (first < place && place <= end)
    });
    scenes
}

/// At which of several nodes.
fn at(node: Option<&str>) -> String {
    node.map(|node| format!(" at {node}")).unwrap_or_default()
}

fn clock(at: u64) -> String {
    format!("{:>6}.{:06}", at / 1_000_000, at % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> Story {
        let lines = [
            "     0.010000 check after recovery",
            "     0.020000 operator Tenant(0): Tenant { id: 1 }",
            "     0.030000 client 0 acme store data/00 4B Whole: ()",
            "     1.000000 client 1 acme store data/</script> 4B Whole: busy",
            "     2.000000 the wall clock steps by -77 ms",
            "     2.500000 BROKEN I5: a thing",
            "     2.600000 client 1 acme list locks: 0",
            "     2.700000 client 1 acme list locks: busy",
            "     3.000000 Power ends life 1",
        ];
        let lines: Vec<String> = lines.map(str::to_owned).to_vec();
        let broken = [("I5".to_owned(), "at 2.5s: a thing".to_owned())];
        Story::of(&Plan::from_seed(5), &broken, &lines, &[])
    }

    #[test]
    fn the_broken_promise_comes_first_and_faults_are_marked() {
        let text = story().text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "BROKEN I5: at 2.5s: a thing");
        for expected in [
            "        0.030000  acme #0   store data/00 4B Whole",
            "        1.000000  acme #1   store data/</script> 4B Whole: refused, busy",
            "*       2.000000  world     the wall clock steps by -77 ms",
            "!!      2.500000  world     BROKEN I5: a thing",
            "   … 1 done, 1 refused (busy) … acme #1",
            "*       3.000000  world     Power ends life 1",
        ] {
            assert!(
                lines.contains(&expected),
                "{expected:?} is missing in\n{text}"
            );
        }
    }

    #[test]
    fn a_page_holds_its_story_and_reaches_for_nothing() {
        let page = story().page();
        assert!(!page.contains(PLACE) && page.contains("data/\\u003c/script\\u003e"));
        assert_eq!(page.matches("</script>").count(), 1);
        // The name of a namespace is never asked for.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for reach in [
            "http:", "https:", "src=", "url(", "@import", "fetch(", "<link",
        ] {
            assert!(!page.contains(reach), "{reach}");
        }
    }
}
