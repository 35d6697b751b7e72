//! When two answers are the same (Rajpurkar et al., arXiv 1606.05250).

/// SQuAD's normalisation: lower case, without ASCII punctuation, the articles a, an and the, and
/// superfluous white space.
pub fn normalised(answer: &str) -> String {
    let plain: String = answer
        .to_lowercase()
        .chars()
        .filter(|character| !character.is_ascii_punctuation())
        .collect();
    let words = plain
        .split_whitespace()
        .filter(|word| !matches!(*word, "a" | "an" | "the"));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_articles_and_punctuation_do_not_count() {
        assert_eq!(
            normalised(" The  Eiffel-Tower, in Paris!"),
            "eiffeltower in paris"
        );
        assert_eq!(normalised("An apple a day"), "apple day");
        assert_eq!(normalised("the"), "");
        assert_eq!(normalised("Theatre"), "theatre");
    }
}
