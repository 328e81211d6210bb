//! The part `[plan]` of a scenario: any field of a plan by its own name, over what the seed draws.
//!
//! A list in it takes the place of the drawn list. A plan that is written down whole counts as it
//! is, whatever the seed draws; and a field that plans gain one day needs nothing here.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ScenarioError;
use crate::plan::{Members, Plan};
use crate::wire;

/// The plan of the file over the drawn one.
pub(super) fn over(
    text: &str,
    given: &Spanned<DeValue<'_>>,
    drawn: &Plan,
) -> Result<Plan, ScenarioError> {
    let Some(table) = given.get_ref().as_table() else {
        return Err(ScenarioError::at(text, given.span(), "'plan' is a table"));
    };
    let plan = match read(given.span(), table.clone()) {
        Ok(plan) => plan,
        Err(_) => {
            let drawn = written(drawn);
            let mut below = DeTable::parse(&drawn)
                .map_err(|error| ScenarioError::at(text, given.span(), error.message()))?
                .into_inner();
            lay(&mut below, table);
            read(given.span(), below).map_err(|error| ScenarioError::of(text, &error))?
        }
    };
    let again = written(&plan);
    let known = DeTable::parse(&again)
        .map_err(|error| ScenarioError::at(text, given.span(), error.message()))?;
    strange(text, table, known.get_ref())?;
    if let Some(Members::Wire { nodes, .. }) = plan.fleet.as_ref().map(|fleet| &fleet.members)
        && *nodes > wire::NODES_MAX
    {
        let message = format!("there are certificates for {} nodes", wire::NODES_MAX);
        return Err(ScenarioError::at(text, given.span(), message));
    }
    Ok(plan)
}

fn read(span: std::ops::Range<usize>, table: DeTable<'_>) -> Result<Plan, toml::de::Error> {
    Plan::deserialize(toml::Deserializer::from(Spanned::new(span, table)))
}

/// The seed that it names.
pub(super) fn seed(given: &DeValue<'_>) -> Option<u64> {
    let seed = given.get("seed")?.get_ref().as_integer()?;
    u64::from_str_radix(seed.as_str(), seed.radix()).ok()
}

/// A plan as TOML.
pub(super) fn written(plan: &Plan) -> String {
    #[expect(
        clippy::expect_used,
        reason = "a plan has string keys and whole numbers below 2^63"
    )]
    toml::to_string(plan).expect("a plan can be written as TOML")
}

fn lay<'a>(below: &mut DeTable<'a>, above: &DeTable<'a>) {
    for (key, value) in above {
        match below.get_mut(key) {
            Some(drawn) => lay_value(drawn, value),
            None => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
}

fn lay_value<'a>(below: &mut Spanned<DeValue<'a>>, above: &Spanned<DeValue<'a>>) {
    let merged = match (below.get_ref(), above.get_ref()) {
        (DeValue::Table(drawn), DeValue::Table(given)) => {
            let mut drawn = drawn.clone();
            lay(&mut drawn, given);
            DeValue::Table(drawn)
        }
        _ => above.get_ref().clone(),
    };
    *below = Spanned::new(above.span(), merged);
}

/// Finds the first key that reading the plan has left behind.
fn strange(text: &str, given: &DeTable<'_>, known: &DeTable<'_>) -> Result<(), ScenarioError> {
    for (key, value) in given {
        let Some(known) = known.get(&**key.get_ref()) else {
            let message = format!("a plan has no '{}'", key.get_ref());
            return Err(ScenarioError::at(text, key.span(), message));
        };
        strange_value(text, value.get_ref(), known.get_ref())?;
    }
    Ok(())
}

fn strange_value(
    text: &str,
    given: &DeValue<'_>,
    known: &DeValue<'_>,
) -> Result<(), ScenarioError> {
    match (given, known) {
        (DeValue::Table(given), DeValue::Table(known)) => strange(text, given, known),
        (DeValue::Array(given), DeValue::Array(known)) => {
            let mut pairs = given.iter().zip(known.iter());
            pairs.try_for_each(|(given, known)| {
                strange_value(text, given.get_ref(), known.get_ref())
            })
        }
        _ => Ok(()),
    }
}
