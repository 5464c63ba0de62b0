"""Run the command line as `python -m sparsecheck`, for environments whose scripts are not on the PATH."""

if __name__ == "__main__":
    from .process.interpreter import forget_current_folder

    forget_current_folder()

    from .cli import main

    main(prog_name="sparsecheck")
