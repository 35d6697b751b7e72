// What the compiler does not see: promises that nobody waits for, values of any type, mistakes in Svelte's own forms.
import svelte from "eslint-plugin-svelte";
import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist", "src/generated"] },
  typescript.configs.strictTypeChecked,
  svelte.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: {
      parserOptions: { projectService: true, extraFileExtensions: [".svelte"], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // Functions of the session's interfaces are async, whether or not they wait for something here.
      "@typescript-eslint/require-await": "off",
      // Addresses and maps are made and read at once, and never kept as state.
      "svelte/prefer-svelte-reactivity": "off",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: typescript.parser } },
  },
  {
    // ESLint does not know the types of another component's properties; svelte-check does.
    files: ["**/*.svelte"],
    rules: { "@typescript-eslint/no-unsafe-argument": "off" },
  },
);
