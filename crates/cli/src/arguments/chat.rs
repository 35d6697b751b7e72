//! Whether a model is asked in conversations.

use clap::Args;
use layerlab_lab::ChatOptions;

/// How a chat model is asked
#[derive(Args, Clone)]
pub struct ChatArguments {
    /// Ask in a conversation, as chat models were trained to be asked: the model's own chat template writes each prompt as what
    /// the user says, and the answer is what the model says next. Texts are read as they are
    #[arg(long)]
    chat: bool,
    /// What the system says before the user
    #[arg(long, value_name = "TEXT", requires = "chat")]
    system: Option<String>,
}

impl ChatArguments {
    /// The conversation that prompts are part of, where they are.
    pub fn options(&self) -> Option<ChatOptions> {
        self.chat.then(|| ChatOptions {
            system: self.system.clone(),
        })
    }
}
