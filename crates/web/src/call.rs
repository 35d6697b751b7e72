//! A call of the page's that takes a while.

use std::rc::Rc;

use js_sys::Function;
use layerlab_lab::{Cancel, Peers, Progress, Run};
use wasm_bindgen::{JsCast, prelude::JsValue};

use crate::{
    Session,
    border::{OnProgress, to_page},
    helpers::Helpers,
};

/// Whom a call tells how far it has come, what ends it, and who helps.
pub(crate) struct Call {
    show: Box<dyn FnMut(Progress)>,
    cancel: Cancel,
    helpers: Option<Rc<Helpers>>,
}

impl Call {
    /// Progress goes to the page's function. What that throws is the page's own affair.
    pub fn new(session: &Session, on_progress: OnProgress) -> Self {
        let function: Function = on_progress.unchecked_into();
        let show = move |progress| {
            if let Ok(progress) = to_page::<_, JsValue>(&progress) {
                let _ = function.call1(&JsValue::NULL, &progress);
            }
        };
        Self {
            show: Box::new(show),
            cancel: session.begin(),
            helpers: session.helpers.borrow().clone(),
        }
    }

    /// What the lab is to run it by.
    pub fn run(&mut self) -> Run<'_> {
        let helpers = self.helpers.as_deref();
        let peers = helpers.map(|helpers| -> &dyn Peers { helpers });
        Run::new(&mut self.show, &self.cancel).with_peers(peers)
    }
}
