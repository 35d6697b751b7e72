//! Text, token by token.

use std::{collections::BTreeSet, ops::ControlFlow};

use js_sys::Function;
use layerlab_lab::{
    Adapters, Cancel, GenerateOptions, LabError, OpenModel, Sampling, Speech, generate,
};
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};
use web_time::Instant;

use crate::{
    Session,
    border::{JsGenerateRequest, JsGenerated, OnText, from_page, refused, to_page, trusted},
    files::PageFiles,
    types::{GenerateRequest, Generated},
};

#[wasm_bindgen]
impl Session {
    /// Continues a text, saying each piece as it comes.
    pub async fn generate(
        &self,
        request: JsGenerateRequest,
        on_text: OnText,
    ) -> Result<JsGenerated, JsValue> {
        let model = self.model()?;
        let request: GenerateRequest = from_page(request)?;
        let repair = match request.repaired {
            true => Some(self.last_repair()?),
            false => None,
        };
        let adapters = repair.as_ref().map(|repair| &repair.adapters);
        let cancel = self.begin();
        let generated = speak(&model, &request, adapters, &cancel, &on_text).await;
        to_page(&trusted(generated.map_err(refused)?)?)
    }
}

async fn speak(
    model: &OpenModel<PageFiles>,
    request: &GenerateRequest,
    adapters: Option<&Adapters>,
    cancel: &Cancel,
    on_text: &OnText,
) -> Result<Generated, LabError> {
    let removed: BTreeSet<usize> = request.removed.iter().copied().collect();
    let decoder = match adapters {
        Some(adapters) => model.decoder.with_adapters(adapters).merged(),
        None => model.decoder.clone(),
    };
    let decoder = decoder.without(&removed)?;
    let prompt = model.tokenizer.encode(&request.prompt, true)?;
    let options = GenerateOptions {
        max_new_tokens: request.max_new_tokens,
        sampling: match request.temperature {
            None => Sampling::Greedy,
            Some(temperature) => Sampling::Sample {
                temperature,
                top_k: None,
                top_p: None,
                seed: request.seed,
            },
        },
        stop: model.tokenizer.stops().to_vec(),
    };
    let mut speech = Speech::after(&model.tokenizer, &prompt)?;
    let function: &Function = on_text.unchecked_ref();
    let start = Instant::now();
    let (mut text, mut failed) = (String::new(), None);
    let tokens = generate(&decoder, &prompt, &options, &mut |id| {
        match speech.push(id) {
            Ok(new) => {
                // What the page's function throws is its own affair.
                let _ = function.call1(&JsValue::NULL, &JsValue::from_str(&new));
                text.push_str(&new);
            }
            Err(error) => failed = Some(error),
        }
        match failed.is_some() || cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })
    .await?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Generated {
            text,
            tokens: tokens.len(),
            seconds: start.elapsed().as_secs_f64(),
        }),
    }
}
