//! Text, token by token.

use std::{collections::BTreeSet, ops::ControlFlow};

use layerlab_lab::{
    Adapters, Cancel, Decoder, GenerateOptions, LabError, OpenModel, Sampling, Speech, generate,
};
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};
use web_time::Instant;

use crate::{
    Session,
    border::{from_page, refused, to_page, trusted},
    call::{Call, PageCall, PageSpeech},
    files::PageFiles,
    types::{
        GenerateRequest, Generated,
        page::{JsGenerateRequest, JsGenerated},
    },
};

#[wasm_bindgen]
impl Session {
    /// Continues a text, showing each piece as it comes.
    pub async fn generate(
        &self,
        request: JsGenerateRequest,
        page: PageSpeech,
    ) -> Result<JsGenerated, JsValue> {
        let opened = self.opened()?;
        let request: GenerateRequest = from_page(request)?;
        let repair = match request.repaired {
            true => Some(opened.repair()?),
            false => None,
        };
        let cure = match request.healed {
            true => Some(opened.cure()?),
            false => None,
        };
        let other = match (&cure, &repair) {
            (Some(cure), _) => Asked::Healed(&cure.model.decoder),
            (None, Some(repair)) => Asked::Repaired(&repair.adapters),
            (None, None) => Asked::AsItWas,
        };
        let call = Call::new(&self.calls, page.clone().unchecked_into(), None);
        let generated = speak(&opened.model, &request, other, &call.cancel, &page).await;
        to_page(&trusted(generated.map_err(refused)?)?)
    }
}

/// Which model goes on.
enum Asked<'a> {
    AsItWas,
    Repaired(&'a Adapters),
    Healed(&'a Decoder),
}

async fn speak(
    model: &OpenModel<PageFiles>,
    request: &GenerateRequest,
    asked: Asked<'_>,
    cancel: &Cancel,
    page: &PageCall,
) -> Result<Generated, LabError> {
    let removed: BTreeSet<usize> = request.removed.iter().copied().collect();
    let decoder = match asked {
        Asked::AsItWas => model.decoder.without(&removed)?,
        Asked::Repaired(adapters) => {
            let repaired = model.decoder.with_adapters(adapters).merged();
            repaired.without(&removed)?
        }
        Asked::Healed(decoder) => decoder.clone(),
    };
    let prompt = match &request.chat {
        Some(chat) => model
            .tokenizer
            .encode_chat(&chat.messages(&request.prompt))?,
        None => model.tokenizer.encode(&request.prompt, true)?,
    };
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
    let start = Instant::now();
    let (mut text, mut failed) = (String::new(), None);
    let tokens = generate(&decoder, &prompt, &options, &mut |id| {
        match speech.push(id) {
            Ok(new) => {
                // What the page's function throws is its own affair.
                let _ = page.show(&JsValue::from_str(&new));
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
            prompt_tokens: prompt.len(),
            seconds: start.elapsed().as_secs_f64(),
        }),
    }
}
