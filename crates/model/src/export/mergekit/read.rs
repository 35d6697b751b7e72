//! Which layers a mergekit recipe leaves out.

use std::ops::Range;

use thiserror::Error;
use yaml_rust2::{Event, Yaml, YamlLoader, parser::Parser, yaml::Hash};

/// Levels of a recipe at most: mergekit's own have six.
const DEEPEST: usize = 16;

/// What a `passthrough` recipe of mergekit says of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The model, as the recipe calls it.
    pub model: String,
    /// The layers that it takes, in their order.
    pub kept: Vec<usize>,
    /// Settings that have nothing to do with which layers stay, such as `dtype`.
    pub unused: Vec<String>,
}

impl Recipe {
    /// The layers that it leaves out of a model with so many.
    ///
    /// # Errors
    /// When it takes a layer that there is not.
    pub fn removed(&self, layers: usize) -> Result<Vec<usize>, RecipeError> {
        match self.kept.last() {
            Some(&layer) if layer >= layers => Err(RecipeError::NoSuchLayer { layer, layers }),
            _ => Ok((0..layers)
                .filter(|layer| self.kept.binary_search(layer).is_err())
                .collect()),
        }
    }
}

/// A recipe that says something else than which layers of one model stay.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RecipeError {
    /// It is no YAML.
    #[error("it is not YAML: {0}")]
    Yaml(String),
    /// YAML that no recipe needs, and that can grow without bounds.
    #[error("it has {0}, which no recipe of mergekit needs; write it out")]
    Hostile(&'static str),
    /// It is built otherwise than a recipe.
    #[error(
        "{0}; a recipe has `slices`, each with one of `sources` that names a `model` and a `layer_range`"
    )]
    Shape(String),
    /// It does more than leave layers out.
    #[error(
        "{0}; the lab reads recipes that take layers of one model as they are, each once and in their order"
    )]
    Beyond(String),
    /// It takes a layer that the model does not have.
    #[error(
        "it takes layer {layer}, and the model has {layers}, numbered from 0; layer_range ends before its second number"
    )]
    NoSuchLayer {
        /// The layer.
        layer: usize,
        /// Layers of the model.
        layers: usize,
    },
}

/// Reads a recipe: `merge_method: passthrough` over slices of one model.
///
/// # Errors
/// When it is no such recipe.
pub fn read_mergekit(text: &str) -> Result<Recipe, RecipeError> {
    is_harmless(text)?;
    let failed = |error: yaml_rust2::ScanError| RecipeError::Yaml(error.to_string());
    let documents = YamlLoader::load_from_str(text).map_err(failed)?;
    let recipe = match documents.as_slice() {
        [Yaml::Hash(recipe)] => recipe,
        [_] => return Err(RecipeError::Shape("it is no mapping".into())),
        several => {
            let said = format!("it holds {} documents, not one", several.len());
            return Err(RecipeError::Shape(said));
        }
    };
    let (mut unused, mut model, mut kept) = (Vec::new(), None, Vec::new());
    let mut slices = None;
    for (key, value) in recipe {
        match key.as_str() {
            Some("slices") => slices = value.as_vec(),
            Some("merge_method") if value.as_str() == Some("passthrough") => {}
            Some("merge_method") => {
                let said = format!("its merge_method is {}, not passthrough", shown(value));
                return Err(RecipeError::Beyond(said));
            }
            Some(key @ ("models" | "parameters" | "modules")) => {
                return Err(RecipeError::Beyond(format!("it has `{key}`")));
            }
            _ => unused.push(shown(key)),
        }
    }
    let slices = slices.ok_or_else(|| RecipeError::Shape("it has no list of `slices`".into()))?;
    for (number, slice) in slices.iter().enumerate() {
        let (name, layers) = source(slice, number)?;
        match &model {
            None => model = Some(name),
            Some(first) if *first == name => {}
            Some(first) => {
                let said = format!("it takes layers of two models, `{first}` and `{name}`");
                return Err(RecipeError::Beyond(said));
            }
        }
        if let Some(&last) = kept.last()
            && layers.start <= last
        {
            let said = format!(
                "slice {number} begins with layer {}, after layer {last}",
                layers.start
            );
            return Err(RecipeError::Beyond(said));
        }
        kept.extend(layers);
    }
    match model {
        Some(model) => Ok(Recipe {
            model,
            kept,
            unused,
        }),
        None => Err(RecipeError::Shape("it has no slice".into())),
    }
}

/// Refuses what YAML can do to a reader: names that stand for what stands elsewhere, and levels without end.
fn is_harmless(text: &str) -> Result<(), RecipeError> {
    let mut parser = Parser::new_from_str(text);
    let mut depth = 0_usize;
    loop {
        let (event, _) = parser
            .next_token()
            .map_err(|error| RecipeError::Yaml(error.to_string()))?;
        match event {
            Event::StreamEnd => return Ok(()),
            Event::Alias(_) => return Err(RecipeError::Hostile("aliases (`*name`)")),
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(RecipeError::Hostile("more than 16 levels"));
        }
    }
}

/// The model and the layers of a slice.
fn source(slice: &Yaml, number: usize) -> Result<(String, Range<usize>), RecipeError> {
    let beyond = |what: &str| RecipeError::Beyond(format!("slice {number} {what}"));
    let shape = |what: &str| RecipeError::Shape(format!("slice {number} {what}"));
    let slice = slice.as_hash().ok_or_else(|| shape("is no mapping"))?;
    only(slice, &["sources"]).map_err(|key| beyond(&format!("has `{key}`")))?;
    let sources = slice.get(&Yaml::String("sources".into()));
    let sources = sources.and_then(Yaml::as_vec);
    let source = match sources.map(Vec::as_slice) {
        Some([Yaml::Hash(source)]) => source,
        Some([_, _, ..]) => return Err(beyond("has several sources")),
        _ => return Err(shape("has no source")),
    };
    only(source, &["model", "layer_range"]).map_err(|key| beyond(&format!("has `{key}`")))?;
    let field = |name: &str| source.get(&Yaml::String(name.into()));
    let model = field("model").and_then(|model| match model {
        // mergekit also takes a mapping, which can name a revision or an adapter.
        Yaml::Hash(model) => match only(model, &["path"]) {
            Ok(()) => model.get(&Yaml::String("path".into()))?.as_str(),
            Err(_) => None,
        },
        model => model.as_str(),
    });
    let model = model.ok_or_else(|| shape("names no model, or more than that"))?;
    let range = field("layer_range").and_then(Yaml::as_vec);
    let range = range.map(|range| range.iter().map(number_of).collect::<Option<Vec<usize>>>());
    match range.flatten().as_deref() {
        // More than any model has is a slip of the finger.
        Some(&[start, end]) if start < end && end <= 100_000 => Ok((model.into(), start..end)),
        _ => Err(shape(
            "has no `layer_range` of two numbers, the first below the second",
        )),
    }
}

fn number_of(number: &Yaml) -> Option<usize> {
    usize::try_from(number.as_i64()?).ok()
}

/// Refuses the first key that is none of these.
fn only(mapping: &Hash, known: &[&str]) -> Result<(), String> {
    let mut keys = mapping.keys();
    let other = keys.find(|key| !key.as_str().is_some_and(|key| known.contains(&key)));
    other.map_or(Ok(()), |key| Err(shown(key)))
}

/// A scalar for people.
fn shown(value: &Yaml) -> String {
    match value {
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Boolean(value) => value.to_string(),
        _ => "something else".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::mergekit_yaml;

    fn read(text: &str) -> Result<Recipe, RecipeError> {
        read_mergekit(text)
    }

    #[test]
    fn what_is_written_is_read() {
        for removed in [vec![3, 4], vec![0], vec![7], vec![0, 2, 4, 7]] {
            let yaml = mergekit_yaml("a/b: \"c\"", 8, &removed.iter().copied().collect(), None);
            let recipe = read(&yaml).unwrap();
            assert_eq!(recipe.model, "a/b: \"c\"");
            assert_eq!(recipe.removed(8), Ok(removed));
            assert!(recipe.unused.is_empty());
        }
    }

    /// As mergekit's own documentation writes them: a comment, flow and block lists, settings beside.
    #[test]
    fn recipes_of_others_are_read() {
        let recipe = read(
            "# the middle goes\nslices:\n- sources:\n  - {model: org/model, layer_range: [0, 12]}\n\
             - sources:\n  - layer_range:\n    - 20\n    - 30\n    model: {path: org/model}\n\
             merge_method: passthrough\ndtype: bfloat16\ntokenizer_source: base\n",
        );
        let recipe = recipe.unwrap();
        assert_eq!(recipe.removed(30), Ok((12..20).collect()));
        assert_eq!(recipe.removed(32), Ok((12..20).chain([30, 31]).collect()));
        assert_eq!(recipe.unused, ["dtype", "tokenizer_source"]);
        let outside = RecipeError::NoSuchLayer {
            layer: 29,
            layers: 24,
        };
        assert_eq!(recipe.removed(24), Err(outside));
    }

    #[test]
    fn what_does_more_than_leave_layers_out_is_refused() {
        let slices = |slices: &str| format!("merge_method: passthrough\nslices: [{slices}]\n");
        let slice = |model: &str, range: &str| {
            format!("{{sources: [{{model: {model}, layer_range: {range}}}]}}")
        };
        let plain = slice("a", "[0, 4]");
        for (recipe, said) in [
            (
                slices(&format!("{plain}, {}", slice("a", "[2, 6]"))),
                "begins with layer 2, after layer 3",
            ),
            (
                slices(&format!("{plain}, {}", slice("b", "[4, 6]"))),
                "two models, `a` and `b`",
            ),
            (
                slices(
                    "{sources: [{model: a, layer_range: [0, 2]}, {model: a, layer_range: [0, 2]}]}",
                ),
                "several sources",
            ),
            (
                slices("{sources: [{model: a, layer_range: [0, 2], parameters: {scale: 0}}]}"),
                "has `parameters`",
            ),
            (
                slices("{sources: [{model: a, layer_range: [0, 2]}], parameters: {scale: 0}}"),
                "has `parameters`",
            ),
            (
                slices(&plain).replace("passthrough", "slerp"),
                "merge_method is slerp",
            ),
            (
                format!("{}parameters: {{t: 1}}\n", slices(&plain)),
                "it has `parameters`",
            ),
            (slices(&slice("a", "[4, 4]")), "no `layer_range`"),
            (slices(&slice("a", "[-1, 4]")), "no `layer_range`"),
            (slices(&slice("a", "[0, 4, 5]")), "no `layer_range`"),
            (slices(&slice("a", "[0, 99999999999]")), "no `layer_range`"),
            (
                slices(&slice("{path: a, revision: b}", "[0, 4]")),
                "names no model",
            ),
            (slices("{sources: []}"), "has no source"),
            (slices(""), "no slice"),
            (
                "models: [{model: a}]\nmerge_method: linear\n".into(),
                "it has `models`",
            ),
            ("merge_method: passthrough\n".into(), "no list of `slices`"),
            ("[1, 2]".into(), "no mapping"),
            ("a: 1\n---\nb: 2\n".into(), "2 documents"),
            (String::new(), "0 documents"),
            ("a: [".into(), "not YAML"),
            ("a: &x [1]\nb: [*x, *x]\n".into(), "aliases"),
            ("- ".repeat(30_000), "16 levels"),
        ] {
            let refused = read(&recipe).unwrap_err().to_string();
            assert!(refused.contains(said), "{recipe}: {refused}");
        }
    }
}
