//! Which layers go, by which method, and what that costs to find out.

mod left;
mod measured_plans;
mod plan;

use std::collections::{BTreeMap, BTreeSet};

use layerlab_score::{
    Budget, Constraints, MethodId, MethodScores, Plan, Role, Schedule, ScoreTable,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use measured_plans::plan_removals;
use plan::Planner;

use crate::{
    LabError, Run, ScoreRequest,
    calibration::{Calibration, Passes},
};

/// Which plans to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRequest {
    /// Methods to prune by; all rankings and baselines if empty.
    pub methods: Vec<MethodId>,
    /// Whether layers are chosen once, or again after each removal, or both.
    pub schedules: BTreeSet<Schedule>,
    /// How much may go.
    pub budget: Budget,
    /// Layers that a person has decided on.
    pub constraints: Constraints,
}

/// How often sequences were passed through blocks to find out what layers are worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockPasses {
    /// To find out what.
    pub purpose: String,
    /// Passes of one sequence through one block, as counted.
    pub counted: u64,
    /// What they would have been without shared prefixes.
    pub plain: u64,
}

impl BlockPasses {
    /// Of models that are asked.
    pub(crate) const JUDGING: &'static str = "judging models";

    pub(crate) fn of(purpose: &str, passes: Passes) -> Self {
        Self {
            purpose: purpose.to_owned(),
            counted: passes.counted,
            plain: passes.plain,
        }
    }

    /// What another part of the work took for the same purpose.
    pub(crate) fn append(&mut self, more: &Self) {
        self.counted += more.counted;
        self.plain += more.plain;
    }

    /// More passes for the same purpose.
    pub(crate) fn add(&mut self, more: Passes) {
        self.counted += more.counted;
        self.plain += more.plain;
    }
}

/// Plans, and what they cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plans {
    pub plans: Vec<Plan>,
    pub block_passes: Vec<BlockPasses>,
}

/// The model that plans are made for.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub decoder: &'a layerlab_model::Decoder,
    pub calibration: Calibration<'a>,
    /// Right answers of a task, where loss change is of these.
    pub answers: Option<Calibration<'a>>,
    pub scoring: &'a ScoreRequest,
}

impl Subject<'_> {
    /// A plan for each method and schedule that was asked for. What does not depend on the data has one
    /// schedule only.
    pub async fn plans(
        &self,
        scores: &ScoreTable,
        request: &PlanRequest,
        run: &mut Run<'_>,
    ) -> Result<Plans, LabError> {
        let layers = self.decoder.spec().layers();
        let count = request.budget.count(layers, &request.constraints)?;
        let limit = match request.budget {
            Budget::Tolerance(share) => {
                let whole = &BTreeSet::new();
                self.calibration.loss(self.decoder, whole, run).await? + share.ln_1p()
            }
            Budget::Count(_) | Budget::Share(_) => f64::INFINITY,
        };
        let mut planner = Planner {
            decoder: self.decoder,
            calibration: self.calibration,
            answers: self.answers,
            scoring: self.scoring,
            budget: request.budget,
            constraints: &request.constraints,
            count,
            measured: BTreeMap::new(),
            healed: None,
            limit,
            passes: Passes::default(),
        };
        let mut plans = Vec::new();
        for method in chosen(scores, &request.methods)? {
            for &schedule in &request.schedules {
                let schedule = match method.role {
                    Role::Baseline => Schedule::OneShot,
                    Role::Ranking | Role::Part => schedule,
                };
                if plans
                    .iter()
                    .any(|plan: &Plan| (plan.method, plan.schedule) == (method.id, schedule))
                {
                    continue;
                }
                plans.push(planner.plan(method, schedule, run).await?);
            }
        }
        let greedy = plans
            .iter()
            .any(|plan| plan.method == MethodId::LossChange && plan.schedule != Schedule::OneShot);
        let passes = BlockPasses::of("greedy removal", planner.passes);
        Ok(Plans {
            plans,
            block_passes: greedy.then_some(passes).into_iter().collect(),
        })
    }
}

/// The methods to prune by, in the order of the table.
fn chosen<'a>(scores: &'a ScoreTable, ids: &[MethodId]) -> Result<Vec<&'a MethodScores>, LabError> {
    let known: Vec<&MethodScores> = scores
        .methods
        .iter()
        .filter(|method| method.role != Role::Part)
        .collect();
    let is_unknown = |id: &&MethodId| !known.iter().any(|method| method.id == **id);
    if let Some(found) = ids.iter().find(is_unknown) {
        let names: Vec<String> = known.iter().map(|method| method.id.to_string()).collect();
        return Err(LabError::Method {
            found: found.to_string(),
            known: names.join(", "),
        });
    }
    let wanted = |method: &&MethodScores| ids.is_empty() || ids.contains(&method.id);
    Ok(known.into_iter().filter(wanted).collect())
}
