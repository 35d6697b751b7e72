//! `{% generation %}`, by which a template marks what a model says, for those who train it on that alone. `transformers` has
//! added it to the language; what is between the marks is written as it stands.

/// The template with blocks that are always taken in place of the marks; what they do to white space stays.
pub(super) fn without_marks(template: &str) -> String {
    const OPEN: &str = "{%";
    const CLOSE: &str = "%}";
    let mut rest = template;
    let mut written = String::with_capacity(template.len());
    while let Some(start) = rest.find(OPEN) {
        let (before, tag) = rest.split_at(start);
        written.push_str(before);
        let Some(length) = tag[OPEN.len()..].find(CLOSE) else {
            rest = tag;
            break;
        };
        let inner = &tag[OPEN.len()..OPEN.len() + length];
        let sign = |at: Option<char>| at.filter(|sign| matches!(sign, '-' | '+'));
        let (first, last) = (sign(inner.chars().next()), sign(inner.chars().last()));
        let name = inner.trim_matches(['-', '+']).trim();
        let (tag, after) = tag.split_at(OPEN.len() + length + CLOSE.len());
        let block = match name {
            "generation" => Some("if true"),
            "endgeneration" => Some("endif"),
            _ => None,
        };
        match block {
            Some(block) => {
                written.push_str(OPEN);
                written.extend(first);
                written.push(' ');
                written.push_str(block);
                written.push(' ');
                written.extend(last);
                written.push_str(CLOSE);
            }
            None => written.push_str(tag),
        }
        rest = after;
    }
    written + rest
}

#[cfg(test)]
mod tests {
    use super::without_marks;

    #[test]
    fn marks_become_blocks_that_are_taken() {
        let marked = "a {%- generation -%} b {% endgeneration +%} c";
        assert_eq!(without_marks(marked), "a {%- if true -%} b {% endif +%} c");
    }

    #[test]
    fn all_else_stays() {
        for template in [
            "",
            "{% if a %}b{% endif %}",
            "{{ generation }} {%",
            "{% set generation = 1 %}",
            "{%}",
            "{%}{% generation",
        ] {
            assert_eq!(without_marks(template), template);
        }
    }
}
