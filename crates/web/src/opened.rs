//! A model that was loaded, and what was found out about it.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use layerlab_lab::{
    Adapters, HealedModel, LocatedPairs, Measured, MemoryStages, OpenModel, RepairMaterial,
    RepairRequest, Text,
};
use wasm_bindgen::prelude::JsValue;

use crate::{border::thrown, files::PageFiles, helpers::Helpers, types::FailureKind};

/// A model, and all that was found out about it: what a call still finds out after another has been loaded goes with the
/// model that it is about.
#[derive(Debug)]
pub(crate) struct Opened {
    pub model: OpenModel<PageFiles>,
    /// Who helps with it.
    pub helpers: Option<Rc<Helpers>>,
    pub measured: RefCell<Option<Rc<Measured>>>,
    /// What it was found to be worth without some layers, so that no set is asked twice.
    pub finished: RefCell<MemoryStages>,
    /// Pairs that can be looked at token by token.
    pub located: RefCell<Rc<Vec<LocatedPairs>>>,
    pub repaired: RefCell<Option<Rc<Repair>>>,
    pub healed: RefCell<Option<Rc<Cure>>>,
}

impl Opened {
    /// What the last `score` measured.
    pub fn measured(&self) -> Result<Rc<Measured>, JsValue> {
        let measured = self.measured.borrow().clone();
        measured.ok_or_else(|| thrown(FailureKind::Input, "nothing has been scored yet".into()))
    }

    /// What the last `heal` made.
    pub fn cure(&self) -> Result<Rc<Cure>, JsValue> {
        let healed = self.healed.borrow().clone();
        healed.ok_or_else(|| thrown(FailureKind::Input, "nothing has been healed yet".into()))
    }

    /// What the last `repair` made.
    pub fn repair(&self) -> Result<Rc<Repair>, JsValue> {
        let repaired = self.repaired.borrow().clone();
        repaired.ok_or_else(|| thrown(FailureKind::Input, "nothing has been repaired yet".into()))
    }
}

/// A healing that was made, and on what.
#[derive(Debug)]
pub(crate) struct Cure {
    pub model: HealedModel,
    pub removed: BTreeSet<usize>,
    pub text: Text,
}

/// A repair that was made, and from what.
#[derive(Debug)]
pub(crate) struct Repair {
    pub adapters: Adapters,
    pub material: RepairMaterial,
    pub request: RepairRequest,
}
