//! A call of the page's: who hears of it, what ends it, and who helps with it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use js_sys::Uint8Array;
use layerlab_lab::{Answer, Cancel, Peers, Progress, Run};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{border::to_page, helpers::Helpers};

#[wasm_bindgen(typescript_custom_section)]
const CALL: &str = r#"
/** A call, as whoever made it knows it. */
export interface Call<Step> {
    /** By which it is cancelled; no two calls have the same. */
    readonly id: number;
    /** Hears how far it has come. What this throws is passed over. */
    show(step: Step): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The page's side.
    #[wasm_bindgen(typescript_type = "Call<types.Progress>")]
    pub type PageCall;

    /// The page's side where text comes piece by piece.
    #[wasm_bindgen(typescript_type = "Call<string>", extends = PageCall)]
    pub type PageSpeech;

    #[wasm_bindgen(method, getter)]
    fn id(this: &PageCall) -> u32;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn show(this: &PageCall, step: &JsValue) -> Result<(), JsValue>;
}

/// Calls that are running, and what ends each, by its number.
#[derive(Debug, Default)]
pub(crate) struct Calls(RefCell<BTreeMap<u32, Cancel>>);

impl Calls {
    /// Asks a call to stop at its next step. One that has ended already does not hear of it.
    pub fn cancel(&self, call: u32) {
        if let Some(cancel) = self.0.borrow().get(&call) {
            cancel.cancel();
        }
    }

    /// Asks the training of a call to end with the best that it has come to.
    pub fn end_training(&self, call: u32) {
        if let Some(cancel) = self.0.borrow().get(&call) {
            cancel.end_training();
        }
    }
}

/// A call from its beginning to its end, during which it can be cancelled by its number.
pub(crate) struct Call<'a> {
    running: &'a Calls,
    id: u32,
    pub cancel: Cancel,
    show: Box<dyn FnMut(Progress)>,
    helpers: Option<CallHelpers>,
}

impl<'a> Call<'a> {
    /// Begins it among those that are running; `helpers` are those of the model that it is about.
    pub fn new(running: &'a Calls, page: PageCall, helpers: Option<&Rc<Helpers>>) -> Self {
        let (id, cancel) = (page.id(), Cancel::default());
        running.0.borrow_mut().insert(id, cancel.clone());
        let show = move |progress| {
            if let Ok(progress) = to_page::<_, JsValue>(&progress) {
                let _ = page.show(&progress);
            }
        };
        Self {
            running,
            id,
            cancel,
            show: Box::new(show),
            helpers: helpers.map(|helpers| CallHelpers {
                helpers: helpers.clone(),
                id,
            }),
        }
    }

    /// What the lab is to run it by.
    pub fn run(&mut self) -> Run<'_> {
        let helpers = self.helpers.as_ref();
        let peers = helpers.map(|helpers| -> &dyn Peers { helpers });
        Run::new(&mut self.show, &self.cancel).with_peers(peers)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.running.0.borrow_mut().remove(&self.id);
    }
}

/// Helpers, as one call asks them: what it has asked can be refused without another's.
struct CallHelpers {
    helpers: Rc<Helpers>,
    id: u32,
}

impl Peers for CallHelpers {
    fn count(&self) -> usize {
        self.helpers.count()
    }

    fn ask(&self, share: Vec<u8>) -> Answer<'_> {
        Box::pin(async move {
            let share = Uint8Array::from(&share[..]);
            self.helpers.answer(self.id, share).await
        })
    }
}
